/** `muster watch`: a job's progress, or everything that happens. */
import type { Command } from "commander";
import type { Client } from "../../actors/client.ts";
import type { JobView } from "../../actors/dispatcher/job-verbs.ts";
import { jsonOf, textOf } from "../../actors/json.ts";
import type { InMessage } from "../../broker/port.ts";
import { checkToken, Names } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { exitCodeOfState } from "../exit.ts";
import { eventLine, jobLine } from "../render/job-line.ts";
import { explain } from "../render/outcome.ts";
import { say, writeData } from "../render/output.ts";
import { type ProgressBar, startProgressBar } from "../render/progress-bar.ts";
import { addConnectOptions, type ConnectOptions, type Shell, withClient } from "../shell.ts";
import { aborted, Interrupted, interruptible } from "./interrupt.ts";

interface WatchOptions extends ConnectOptions {
  json?: boolean;
}

export function registerWatch(program: Command, shell: Shell): void {
  const command = program
    .command("watch")
    .description("Follow a job's progress, or everything that happens")
    .argument("[job]", "the job's id; without one all events are shown until Ctrl-C")
    .option("--json", "print one object a line")
    .addHelpText("after", HELP)
    .action((job: string | undefined, options: WatchOptions) =>
      job === undefined ? watchEvents(shell, options) : watchJob(shell, job, options),
    );
  addConnectOptions(command);
}

// ── one job ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where a job stands, as it is shown. */
type Step = Pick<JobView, "job" | "kind" | "state" | "items" | "failed"> & { total?: number | undefined };

async function watchJob(shell: Shell, job: string, options: WatchOptions): Promise<void> {
  checkToken("job id", job);
  await withClient(shell, options, async (client) => {
    const first =
      (await client.peek(job)) === undefined ? await client.ask<JobView>("get", { job }) : undefined;
    const view = new StepWriter(shell, options.json === true, first);
    const outcome = await interruptible((signal) => follow(client, { job, view, signal })).catch(
      whereInterrupted,
    );
    await view.end();
    if (outcome instanceof Interrupted) shell.exitCode = outcome.exitCode;
    else await finish(shell, view, outcome);
  });
}

function whereInterrupted(error: unknown): Interrupted {
  if (error instanceof Interrupted) return error;
  throw error;
}

interface Followed {
  job: string;
  view: StepWriter;
  signal: AbortSignal;
}

async function follow(client: Client, { job, view, signal }: Followed): Promise<Outcome> {
  const off = client.onProgress(job, ({ items, failed, state }) => {
    if (state === undefined) view.update({ items, failed });
  });
  try {
    return await client.outcome(job, { signal });
  } finally {
    off();
  }
}

async function finish(shell: Shell, view: StepWriter, outcome: Outcome): Promise<void> {
  const { job, kind, state, counts } = outcome;
  const { items, failed } = counts;
  view.show({ job, kind, state, items, total: view.total ?? items, failed });
  await view.end();
  explain(shell, outcome);
  shell.exitCode = exitCodeOfState(state);
}

/** Shows the steps of a job: one line a change on stdout, or a bar where both streams are terminals. */
class StepWriter {
  readonly total: number | undefined;
  readonly #shell: Shell;
  readonly #json: boolean;
  readonly #bar: ProgressBar | undefined;
  #step: Step | undefined;
  #line = "";
  #writes: Promise<unknown> = Promise.resolve();

  constructor(shell: Shell, json: boolean, first: Step | undefined) {
    this.#shell = shell;
    this.#json = json;
    this.total = first?.total;
    const isBar = !json && first !== undefined && shell.stdout.isTTY === true && shell.stderr.isTTY === true;
    this.#bar = isBar ? startProgressBar(shell, first.total) : undefined;
    if (first !== undefined && !isBar) this.show(first);
  }

  /** Shows a step, unless it looks as the one that was shown last. */
  show(step: Step): void {
    this.#step = step;
    const line = this.#json ? JSON.stringify(step) : jobLine(step);
    if (line === this.#line) return;
    this.#line = line;
    this.#writes = Promise.all([this.#writes, writeData(this.#shell, `${line}\n`)]);
    this.#writes.catch(() => {}); // It is for end() to tell.
  }

  update(progress: { items: number; failed: number }): void {
    if (this.#bar !== undefined) return this.#bar.update(progress);
    if (this.#step !== undefined) this.show({ ...this.#step, ...progress, state: "running" });
  }

  /** Resolves once all that was shown is written. */
  async end(): Promise<void> {
    this.#bar?.stop();
    await this.#writes;
  }
}

// ── all events ─────────────────────────────────────────────────────────────────────────────────────────────────

async function watchEvents(shell: Shell, options: WatchOptions): Promise<void> {
  const subject = `${new Names(options.prefix).prefix}.events.>`;
  await withClient(shell, options, async (client) => {
    const reason = await interruptible((signal) =>
      showEvents(shell, client, { subject, signal, json: options.json === true }),
    );
    if (reason instanceof Interrupted) shell.exitCode = reason.exitCode;
  });
}

interface Shown {
  subject: string;
  signal: AbortSignal;
  json: boolean;
}

/** Shows events until the signal aborts or nobody reads any more; returns the signal's reason. */
async function showEvents(
  shell: Shell,
  { broker }: Client,
  { subject, signal, json }: Shown,
): Promise<unknown> {
  const gone = new AbortController();
  const subscription = broker.subscribe(subject, (message) => {
    writeData(shell, `${json ? rawLine(message) : eventText(message)}\n`).then(
      (isRead) => isRead || gone.abort(),
      (error) => gone.abort(error),
    );
  });
  await broker.flush();
  say(shell, `Watching ${subject} on ${broker.label}; Ctrl-C ends it.`);
  try {
    return await aborted(AbortSignal.any([signal, gone.signal]));
  } finally {
    subscription.close();
  }
}

/** Anyone may publish there: what is no JSON object is shown as one that says so. */
function rawLine(message: InMessage): string {
  const event = jsonOf<Record<string, unknown>>(message);
  return JSON.stringify(event ?? { type: "invalid", subject: message.subject, text: textOf(message) });
}

function eventText(message: InMessage): string {
  return eventLine(jsonOf<Record<string, unknown>>(message) ?? { type: "invalid", subject: message.subject });
}

const HELP = `
With a job: one line a change, until it is over; the exit code is that of the job (0 done, 1 failed, 5 cancelled).
Ctrl-C ends the watching; the job goes on.

Examples:
  $ muster watch 0mgh3k2x9f8a
  $ muster watch --json | jq 'select(.type == "finished")'`;
