/** `muster map` and `muster submit`: the two ways to hand in a job. */
import type { Command } from "commander";
import type { Client } from "../../actors/client.ts";
import { Names } from "../../protocol/names.ts";
import { say, writeData, writeJson } from "../render/output.ts";
import { checkRaw, RAW_TEXT } from "../render/raw.ts";
import { addConnectOptions, type ConnectOptions, type Shell, withClient } from "../shell.ts";
import { Interrupted, interruptible } from "./interrupt.ts";
import { addSubmitArguments, type SubmitFlags } from "./job-input.ts";
import { addJobOptions, type JobFlags } from "./job-options.ts";
import { noteWhereNotOffered } from "./offered.ts";
import { type GivenInputs, type Prepared, prepare, prepareOne } from "./prepare.ts";
import { send } from "./send.ts";
import { type OutSink, openSink } from "./sink.ts";
import { checkStream, sayStreamEnd, streamUntilEnd } from "./stream.ts";
import { type Awaited, type Ended, parseWait, printEnd, waitForEnd } from "./wait.ts";

interface MapOptions extends ConnectOptions, SubmitFlags {
  wait?: string;
  json?: boolean;
  out?: string;
  stream?: boolean;
  raw?: boolean;
}

type SubmitOptions = ConnectOptions & SubmitFlags & { json?: boolean };

export function registerMap(program: Command, shell: Shell): void {
  const command = program.command("map").description("Run a job and print its result");
  addSubmitArguments(command)
    .option("--wait <duration>", "stop waiting after so long (exit code 4); the job goes on")
    .option("--json", "print one object: job, state, counts, failures and result")
    .option("--out <file>", "write the result there; the file appears once it is whole")
    .option("--stream", "write each output as a line, in item order, while the job runs")
    .option("--raw", RAW_TEXT)
    .addHelpText("after", MAP_HELP)
    .action((kind: string, inputs: string[], options: MapOptions) =>
      map(shell, options, () => prepare(shell, { kind, inputs, flags: options })),
    );
  addConnectOptions(command);
}

type RunOptions = ConnectOptions &
  JobFlags & { bytes?: boolean; wait?: string; json?: boolean; out?: string };

export function registerRun(program: Command, shell: Shell): void {
  const command = program
    .command("run")
    .description("Run a job of one item and print its output")
    .argument("<kind>", "the handler to run, as in double")
    .argument(
      "[item]",
      "the item as JSON; @FILE reads it from a file, - from standard input; a file with --bytes",
    )
    .option("--bytes", "the item is the bytes of the file named, or of standard input");
  addJobOptions(command)
    .option("--wait <duration>", "stop waiting after so long (exit code 4); the job goes on")
    .option("--json", "print one object: job, state, counts, failures and result")
    .option("--out <file>", "write the output there; the file appears once it is whole")
    .addHelpText("after", RUN_HELP)
    .action((kind: string, item: string | undefined, options: RunOptions) => {
      const raw = options.json === true ? {} : { raw: true };
      return map(shell, { ...options, ...raw }, () =>
        prepareOne(shell, { kind, input: item, flags: options }),
      );
    });
  addConnectOptions(command);
}

export function registerSubmit(program: Command, shell: Shell): void {
  const command = program.command("submit").description("Hand in a job and print its id");
  addSubmitArguments(command)
    .option("--json", 'print {"job":"…","state":"accepted"}')
    .addHelpText("after", SUBMIT_HELP)
    .action((kind: string, inputs: string[], options: SubmitOptions) =>
      submit(shell, options, { kind, inputs, flags: options }),
    );
  addConnectOptions(command);
}

async function map(shell: Shell, options: MapOptions, prepareIt: () => Promise<Prepared>): Promise<void> {
  const waitMs = parseWait(options.wait);
  checkRaw(options);
  checkStream(options);
  const prepared = await prepareIt();
  const sink = await openSink(shell, { out: options.out, live: options.stream === true });
  let whole = false;
  try {
    await withClient(shell, options, async (client, node) => {
      whole = await run(shell, { client, node, waitMs, options, sink }, prepared);
    });
  } finally {
    await sink.close(whole);
  }
}

type Ground = Pick<Awaited, "client" | "node" | "waitMs"> & { options: MapOptions; sink: OutSink };

/** Runs a job to its end; false where there is no result. */
async function run(shell: Shell, ground: Ground, prepared: Prepared): Promise<boolean> {
  const { client, options, sink } = ground;
  const isStream = options.stream === true;
  // From here on Ctrl-C may find the job handed in, so its id is to be told.
  const run = await interruptible(async (signal) => {
    const sent = await send(shell, { client, prepared }, signal);
    const awaited: Awaited = { ...ground, ...sent, meanwhile: noting(shell, ground, prepared.kind) };
    const ended = isStream
      ? await streamUntilEnd(sink, awaited, signal)
      : await waitForEnd(shell, awaited, signal);
    return { awaited, ended };
  }).catch((error) => sayStopped(shell, error));
  if (run === undefined) return false;
  await (isStream ? sayStreamEnd : printEnd)(shell, run.awaited, run.ended);
  return hasResult(run.ended, options);
}

function hasResult(ended: Ended, { json }: MapOptions): boolean {
  return ended.type === "outcome" && (json === true || ended.outcome.state === "succeeded");
}

/** Records take a while to be shipped: who is interrupted meanwhile has handed in nothing. */
function sayStopped(shell: Shell, error: unknown): undefined {
  if (!(error instanceof Interrupted)) throw error;
  shell.exitCode = error.exitCode;
  say(shell, "Stopped while the input was shipped: nothing was submitted.");
}

function noting(
  shell: Shell,
  { client, options }: { client: Client; options: ConnectOptions },
  kind: string,
): (signal: AbortSignal) => Promise<void> {
  const names = new Names(options.prefix);
  return (signal) => noteWhereNotOffered(shell, { client, names, kind }, signal);
}

async function submit(shell: Shell, options: SubmitOptions, given: GivenInputs): Promise<void> {
  const prepared = await prepare(shell, given);
  const job = await submitAndNote(shell, options, prepared);
  if (job === undefined) return;
  if (options.json) await writeJson(shell, { job, state: "accepted" });
  else await writeData(shell, `${job}\n`);
}

async function submitAndNote(
  shell: Shell,
  options: SubmitOptions,
  prepared: Prepared,
): Promise<string | undefined> {
  return await withClient(shell, options, async (client) => {
    const sent = await interruptible((signal) => send(shell, { client, prepared }, signal)).catch((error) =>
      sayStopped(shell, error),
    );
    if (sent === undefined) return undefined;
    await interruptible(noting(shell, { client, options }, prepared.kind));
    return sent.job;
  });
}

const MAP_HELP = `
The result goes to standard output as JSON, and nothing else does.
Exit codes: 0 done, 1 the job failed, 2 wrong usage, 3 broker out of reach, 4 not finished in time, 5 cancelled,
6 permission denied, 130 interrupted (the job goes on).

Examples:
  $ muster map double '[1,2,3,4,5]'
  [2,4,6,8,10]
  $ muster map double --range 0:1000000 --reduce sum
  $ muster map primes @limits.json --on-error continue --wait 10m
  $ jq -c .urls pages.json | muster map fetch - --max-attempts 5 --timeout 30s
  $ muster map words 'logs/**/*.txt.gz' --lines --reduce merge-counts
  $ muster map thumbnail --bytes 'photos/*.png' --json > thumbnails.json
  $ zcat big.ndjson.gz | muster map score - --ndjson --stream --on-error continue > scores.ndjson`;

const RUN_HELP = `
The output goes to standard output: bytes as they are, anything else as a line of JSON.
Exit codes are those of "muster map".

Examples:
  $ muster run double 21
  42
  $ muster run thumbnail --bytes photo.png --out small.png
  $ curl -s "$url" | muster run text --bytes -`;

const SUBMIT_HELP = `
The job's id goes to standard output, and nothing else does.

Examples:
  $ job=$(muster submit double '[1,2,3,4,5]')
  $ muster result "$job" --wait`;
