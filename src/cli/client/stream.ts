/** `--stream`: the outputs of a job as they come, in item order, one a line. */
import { InvalidOption } from "../../errors.ts";
import { exitCodeOfState } from "../exit.ts";
import { explain } from "../render/outcome.ts";
import { type Sink, writeData } from "../render/output.ts";
import { rawOf } from "../render/raw.ts";
import type { Shell } from "../shell.ts";
import { Interrupted } from "./interrupt.ts";
import { type Awaited, type Ended, printEnd, runBeside } from "./wait.ts";

/** Outputs that are written at once. */
const AT_ONCE = 1_000;

/** What says whether outputs can be streamed. */
interface StreamFlags {
  stream?: boolean;
  json?: boolean;
  receipt?: boolean;
  reduce?: string;
  output?: string;
}

/** @throws InvalidOption where outputs cannot be streamed */
export function checkStream(options: StreamFlags): void {
  if (options.stream !== true) return;
  for (const other of ["json", "receipt", "output"] as const) {
    if (options[other] !== undefined) throw new InvalidOption("--stream", `it does not go with --${other}.`);
  }
  const { reduce = "collect" } = options;
  if (reduce !== "collect" && reduce !== "concat")
    throw new InvalidOption(
      "--stream",
      `it streams the outputs of collect and of concat: "${reduce}" reduces them, and has no result before the last one.`,
    );
}

/** Writes the outputs of a job until it is over, the limit is reached, or `signal` aborts. */
export async function streamUntilEnd(sink: Sink, awaited: Awaited, signal: AbortSignal): Promise<Ended> {
  const { client, job, waitMs } = awaited;
  const limit = waitMs === undefined ? undefined : AbortSignal.timeout(waitMs);
  const beside = runBeside(awaited, signal);
  const outputs = client.outputs(job, {
    signal: limit === undefined ? signal : AbortSignal.any([signal, limit]),
  });
  try {
    return await writeAll(sink, outputs, awaited.options.raw === true ? rawOf : lineOf);
  } catch (error) {
    if (limit?.aborted) return { type: "timedOut", ms: waitMs ?? 0 };
    if (error instanceof Interrupted) return { type: "interrupted", by: error };
    throw error;
  } finally {
    await beside.end();
  }
}

type WriteOutput = (text: string) => Uint8Array;

function lineOf(text: string): Uint8Array {
  return Buffer.from(`${text}\n`);
}

async function writeAll(
  sink: Sink,
  outputs: ReturnType<Awaited["client"]["outputs"]>,
  write: WriteOutput,
): Promise<Ended> {
  for (;;) {
    const next = await outputs.next();
    if (next.done) return { type: "outcome", outcome: next.value };
    if (await writeOutputs(sink, next.value, write)) continue;
    await outputs.return(undefined as never);
    return { type: "unread" };
  }
}

async function writeOutputs(sink: Sink, texts: readonly string[], write: WriteOutput): Promise<boolean> {
  for (let from = 0; from < texts.length; from += AT_ONCE) {
    const outputs = texts.slice(from, from + AT_ONCE).map(write);
    if (!(await writeData(sink, Buffer.concat(outputs)))) return false;
  }
  return true;
}

/** Says what became of a job whose outputs are written; sets the exit code. */
export async function sayStreamEnd(shell: Shell, awaited: Awaited, ended: Ended): Promise<void> {
  if (ended.type !== "outcome") return await printEnd(shell, awaited, ended);
  shell.exitCode = exitCodeOfState(ended.outcome.state);
  explain(shell, ended.outcome);
}
