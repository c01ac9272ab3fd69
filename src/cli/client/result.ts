/** `muster result`: the result of a job, now or when it is there. */
import type { Command } from "commander";
import type { Client } from "../../actors/client.ts";
import type { JobView } from "../../actors/dispatcher/job-verbs.ts";
import type { Node } from "../../bootstrap/node.ts";
import { InvalidOption, JobNotFinished, MusterError, RequestFailed, UnknownJob } from "../../errors.ts";
import { checkToken } from "../../protocol/names.ts";
import { sleep, systemClock } from "../../runtime/clock.ts";
import { EXIT } from "../exit.ts";
import { printOutcome } from "../render/outcome.ts";
import { say, writeJson } from "../render/output.ts";
import { checkRaw, RAW_TEXT } from "../render/raw.ts";
import { addConnectOptions, type ConnectOptions, type Shell, withClient } from "../shell.ts";
import { commandLine } from "./hints.ts";
import { interruptible } from "./interrupt.ts";
import { type OutSink, openSink } from "./sink.ts";
import { checkStream, sayStreamEnd, streamUntilEnd } from "./stream.ts";
import { parseWait, waitAndPrint } from "./wait.ts";

interface ResultOptions extends ConnectOptions {
  /** `true` where no duration is given: wait without a limit. */
  wait?: string | true;
  json?: boolean;
  receipt?: boolean;
  stream?: boolean;
  raw?: boolean;
  out?: string;
}

export function registerResult(program: Command, shell: Shell): void {
  const command = program
    .command("result")
    .description("Print the result of a job")
    .argument("<job>", "the job's id")
    .option("-w, --wait [duration]", "wait until it is there, or for so long at most", checkWait)
    .option("--json", "print one object: job, state, counts, failures and result")
    .option("--receipt", "print what was counted, by whom and how fast, in the result's place")
    .option("--stream", "write each output as a line, in item order, while the job runs")
    .option("--raw", RAW_TEXT)
    .option("--out <file>", "write the result there; the file appears once it is whole")
    .addHelpText("after", HELP)
    .action((job: string, options: ResultOptions) => result(shell, job, options));
  addConnectOptions(command);
}

async function result(shell: Shell, job: string, options: ResultOptions): Promise<void> {
  checkToken("job id", job);
  checkRaw(options);
  checkStream(options);
  const sink = await openSink(shell, { out: options.out, live: options.stream === true });
  let whole = false;
  try {
    await withClient(shell, options, (client, node) =>
      print(shell, { client, node }, { job, options, sink }),
    );
    whole = isWhole(shell.exitCode, options);
  } finally {
    await sink.close(whole);
  }
}

/** What is told of a job that is over has no result where it did not succeed, unless more than that was asked for. */
function isWhole(exitCode: number, { json = false, receipt = false }: ResultOptions): boolean {
  return exitCode === EXIT.done || ((json || receipt) && exitCode !== EXIT.timedOut);
}

async function print(
  shell: Shell,
  { client, node }: { client: Client; node: Node },
  { job, options, sink }: Omit<Asked, "waitMs">,
): Promise<void> {
  const waitMs = options.wait === true ? undefined : parseWait(options.wait);
  const asked = { job, options, sink, waitMs };
  if (options.stream === true) return await streamIt(shell, { client, node }, asked);
  const outcome = await client.peek(job);
  if (outcome !== undefined) return await printOutcome(shell, { client, outcome }, { ...options, sink });
  if (options.wait === undefined) return await sayUnfinished(shell, client, asked);
  await waitForIt(shell, { client, node }, asked);
}

/** Checked while the command line is read: `--wait JOB` takes the job for the duration, and then misses the job. */
function checkWait(wait: string): string {
  try {
    parseWait(wait);
    return wait;
  } catch (cause) {
    const reason = `"${wait}" is not a duration, as 30s is; write the job's id before --wait.`;
    throw new InvalidOption("--wait", reason, { path: "--wait", cause });
  }
}

interface Asked {
  job: string;
  options: ResultOptions;
  waitMs: number | undefined;
  /** Where the result goes. */
  sink: OutSink;
}

async function sayUnfinished(shell: Shell, client: Client, { job, options }: Asked): Promise<void> {
  const view = await client.ask<JobView>("get", { job });
  shell.exitCode = EXIT.timedOut;
  if (options.json) await writeJson(shell, { ...view, error: new JobNotFinished(job).toShape() });
  say(
    shell,
    `Job ${job} is not finished yet (${view.state}): ${commandLine(`result ${job} --wait`, options)}`,
  );
}

async function waitForIt(
  shell: Shell,
  { client, node }: { client: Client; node: Node },
  { job, options, sink, waitMs }: Asked,
): Promise<void> {
  const total = await totalOfJob(shell, client, job);
  await waitAndPrint(shell, { client, node, job, total, waitMs, options, sink });
}

/** Streams the outputs of a job that runs, or is over. @throws UnknownJob when nobody knows the job */
async function streamIt(
  shell: Shell,
  { client, node }: { client: Client; node: Node },
  { job, options, sink, waitMs }: Asked,
): Promise<void> {
  const isOver = (await client.peek(job)) !== undefined;
  const total = isOver ? undefined : await totalOfJob(shell, client, job);
  const awaited = { client, node, job, total, waitMs, options, sink };
  const ended = await interruptible((signal) => streamUntilEnd(sink, awaited, signal));
  await sayStreamEnd(shell, awaited, ended);
}

/** A job that was handed in a moment ago may not be known yet: so often it is asked for, and so long between. */
const ASKS = 8;
const BETWEEN_MS = 250;

/** The job's number of items, where it is known. @throws UnknownJob when nobody knows the job */
async function totalOfJob(shell: Shell, client: Client, job: string): Promise<number | undefined> {
  for (let asked = 1; ; asked++) {
    try {
      return (await client.ask<JobView>("get", { job })).total;
    } catch (error) {
      if (error instanceof RequestFailed) return sayNoDispatcher(shell);
      if (!isUnknown(error) || asked === ASKS) throw error;
      await sleep(systemClock, BETWEEN_MS);
    }
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof MusterError && error.code === new UnknownJob("").code;
}

function sayNoDispatcher(shell: Shell): undefined {
  say(shell, "No dispatcher answers right now: waiting for the job's outcome all the same.");
}

const HELP = `
The result goes to standard output as JSON, and nothing else does.
Exit codes: 0 done, 1 the job failed, 2 no such job, 4 not finished yet (job_not_finished), 5 cancelled.

Examples:
  $ muster result 0mgh3k2x9f8a
  $ muster result 0mgh3k2x9f8a --wait 30s
  $ muster result 0mgh3k2x9f8a --receipt
  $ muster result 0mgh3k2x9f8a --stream | head
  $ muster result 0mgh3k2x9f8a --json | jq .counts`;
