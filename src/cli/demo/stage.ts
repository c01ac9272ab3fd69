/** What each part of the demonstration is given: the fleet, and a place to print. */
import type { Client } from "../../actors/client.ts";
import type { ClientJob, ClientRecords } from "../../actors/submit.ts";
import type { Up } from "../../bootstrap/up.ts";
import { MusterError } from "../../errors.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { systemClock } from "../../runtime/clock.ts";
import { startProgressBar } from "../render/progress-bar.ts";
import type { Shell } from "../shell.ts";

export interface Stage {
  readonly shell: Shell;
  readonly client: Client;
  readonly up: Up;
  /** Processing units of all workers together. */
  readonly slots: number;
  readonly signal: AbortSignal;
}

/** A job that was run to its end. */
export interface Ran {
  outcome: Outcome;
  /** The result, as JSON text. */
  text: string;
  /** From submission to outcome, as the caller saw it. */
  ms: number;
}

/** However slow the machine: longer than this something is wrong. */
const PATIENCE_MS = 120_000;

export function print({ shell }: Pick<Stage, "shell">, line = ""): void {
  shell.stdout.write(`${line}\n`);
}

/** Runs a job whose body fits into a message. @throws the error that it ended with */
export async function run(stage: Stage, job: ClientJob): Promise<Ran> {
  return await timed(stage, () => stage.client.submit(job), undefined);
}

/** Runs a job over records, with a progress bar on a terminal. @throws the error that it ended with */
export async function runRecords(stage: Stage, job: ClientRecords & { total: number }): Promise<Ran> {
  return await timed(stage, () => stage.client.submitRecords(job), job.total);
}

async function timed(stage: Stage, submit: () => Promise<string>, total: number | undefined): Promise<Ran> {
  const begun = systemClock.now();
  const job = await submit();
  const outcome = await watched(stage, job, total);
  const ms = systemClock.now() - begun;
  return { outcome, ms, text: await textOf(stage, outcome) };
}

async function watched(stage: Stage, job: string, total: number | undefined): Promise<Outcome> {
  const { client, shell, signal } = stage;
  const bar = total === undefined ? undefined : startProgressBar(shell, total);
  const tell = total === undefined || shell.stderr.isTTY ? undefined : quarters(stage, total);
  const off = client.onProgress(job, (line) => {
    bar?.update(line);
    tell?.(line.items);
  });
  try {
    return await client.outcome(job, { timeoutMs: PATIENCE_MS, signal });
  } finally {
    off();
    bar?.stop();
  }
}

/** Where there is no terminal for a bar: a line for each quarter. */
function quarters(stage: Stage, total: number): (items: number) => void {
  let told = 0;
  return (items) => {
    const quarter = Math.floor((4 * items) / total);
    if (quarter <= told || quarter >= 4) return;
    told = quarter;
    print(stage, `   … ${grouped(items)} of ${grouped(total)}`);
  };
}

async function textOf({ client }: Stage, outcome: Outcome): Promise<string> {
  const { state, error, job } = outcome;
  if (error !== undefined)
    throw new MusterError(error.code, error.status, `Job ${job} (${state}): ${error.message}`);
  const parts: Uint8Array[] = [];
  for await (const part of client.resultBytes(outcome)) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

/** `1.2 s`, or `35 ms`. */
export function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

/** `6,046`. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
