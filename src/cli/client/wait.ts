/** Waiting for a job's outcome, with a progress bar, a limit, and Ctrl-C. */
import type { Client } from "../../actors/client.ts";
import type { Node } from "../../bootstrap/node.ts";
import { InvalidOption, WaitTimedOut } from "../../errors.ts";
import { parseDuration } from "../../protocol/duration.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { EXIT } from "../exit.ts";
import { printOutcome } from "../render/outcome.ts";
import { type Sink, say, writeJson } from "../render/output.ts";
import { startProgressBar } from "../render/progress-bar.ts";
import { formatSpan } from "../render/text.ts";
import type { ConnectOptions, Shell } from "../shell.ts";
import { sayGoesOn } from "./hints.ts";
import { Interrupted, interruptible } from "./interrupt.ts";

/** A job that is waited for. */
export interface Awaited {
  client: Client;
  node: Node;
  job: string;
  /** Its number of items, where that is known. */
  total: number | undefined;
  /** How long to wait, in milliseconds; without a limit where undefined. */
  waitMs: number | undefined;
  options: ConnectOptions & { json?: boolean; receipt?: boolean; raw?: boolean };
  /** Where the result goes. @default standard output */
  sink?: Sink;
  /** Runs beside the wait until its signal aborts. */
  meanwhile?: (signal: AbortSignal) => Promise<void>;
}

/** How a wait ended. */
export type Ended =
  | { type: "outcome"; outcome: Outcome }
  | { type: "timedOut"; ms: number }
  | { type: "interrupted"; by: Interrupted }
  /** Whoever read the outputs reads no longer. */
  | { type: "unread" };

/** The longest wait that a Node timer takes: 24 days. */
const MAX_WAIT_MS = 2 ** 31 - 1;

/** What `--wait` means in milliseconds; undefined for a wait without a limit. @throws InvalidOption */
export function parseWait(wait: string | undefined): number | undefined {
  if (wait === undefined) return undefined;
  const ms = parseDuration(wait);
  if (ms === undefined) {
    throw new InvalidOption(
      "--wait",
      `"${wait}" is not a duration: write milliseconds, or a number with ms, s, m, h or d.`,
    );
  }
  return ms > MAX_WAIT_MS ? undefined : ms;
}

/** Waits for the outcome and prints it, or says that the job goes on; sets the exit code. */
export async function waitAndPrint(shell: Shell, awaited: Awaited): Promise<void> {
  const ended = await interruptible((signal) => waitForEnd(shell, awaited, signal));
  await printEnd(shell, awaited, ended);
}

/** Prints the outcome, or says that the job goes on; sets the exit code. */
export async function printEnd(shell: Shell, awaited: Awaited, ended: Ended): Promise<void> {
  const { client, job, options, sink = shell } = awaited;
  if (ended.type === "outcome") {
    return await printOutcome(shell, { client, outcome: ended.outcome }, { ...options, sink });
  }
  if (ended.type === "unread") return;
  if (options.json) await writeJson(shell, { job, state: "running" });
  if (ended.type === "timedOut") return sayTimedOut(shell, awaited, ended.ms);
  shell.exitCode = ended.by.exitCode;
  sayGoesOn(shell, `Stopped waiting. Job ${job} goes on.`, { job, options });
}

function sayTimedOut(shell: Shell, { job, options }: Pick<Awaited, "job" | "options">, ms: number): void {
  shell.exitCode = EXIT.timedOut;
  sayGoesOn(shell, `Job ${job} was not finished after ${formatSpan(ms)}; it goes on.`, { job, options });
}

/** Waits until the job is over, the limit is reached, or `signal` aborts with an {@link Interrupted}. */
export async function waitForEnd(shell: Shell, awaited: Awaited, signal: AbortSignal): Promise<Ended> {
  const { client, node, job, total, waitMs } = awaited;
  const beside = runBeside(awaited, signal);
  const bar = startProgressBar(shell, total);
  const offs = [client.onProgress(job, (line) => bar.update(line)), noteLostConnection(shell, node)];
  try {
    const outcome = await client.outcome(job, {
      signal,
      ...(waitMs === undefined ? {} : { timeoutMs: waitMs }),
    });
    return { type: "outcome", outcome };
  } catch (error) {
    if (error instanceof WaitTimedOut) return { type: "timedOut", ms: waitMs ?? 0 };
    if (error instanceof Interrupted) return { type: "interrupted", by: error };
    throw error;
  } finally {
    for (const off of offs) off();
    bar.stop();
    await beside.end();
  }
}

/** Runs what is to run beside a wait. It only informs: its failing does not end the wait. */
export function runBeside({ meanwhile }: Awaited, signal: AbortSignal): { end(): Promise<void> } {
  const done = new AbortController();
  const running = meanwhile?.(AbortSignal.any([signal, done.signal])).catch(() => {});
  const end = async () => {
    done.abort();
    await running;
  };
  return { end };
}

/** The job does not mind a lost connection; whoever waits is told. */
function noteLostConnection(shell: Shell, { events }: Node): () => void {
  return events.on("broker.status", ({ status, detail }) => {
    if (status === "disconnected")
      say(shell, `The connection to ${detail} was lost; trying again. The job goes on.`);
    if (status === "reconnected") say(shell, `Connected to ${detail} again.`);
  });
}
