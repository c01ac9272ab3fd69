/** A job's outcome: its result on stdout, what went wrong on stderr. */
import type { Client } from "../../actors/client.ts";
import type { Failure } from "../../protocol/failure.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { exitCodeOfState } from "../exit.ts";
import type { Shell } from "../shell.ts";
import { type Sink, say, writeData, writeParts } from "./output.ts";
import { writeRaw } from "./raw.ts";
import { printReceipt } from "./receipt.ts";
import { counted, cut } from "./text.ts";

/** Failed items that are shown one by one. */
const SHOWN = 10;
/** Characters of a failed item's message. */
const MESSAGE = 300;

/** What of an outcome is written, and where. */
export interface PrintOptions {
  json?: boolean | undefined;
  /** The receipt in the result's place. */
  receipt?: boolean | undefined;
  /** Bytes as they are. */
  raw?: boolean | undefined;
  /** @default standard output */
  sink?: Sink;
}

/** Writes the outcome, and sets the exit code that its state stands for. */
export async function printOutcome(
  shell: Shell,
  { client, outcome }: { client: Client; outcome: Outcome },
  { json = false, receipt = false, raw = false, sink = shell }: PrintOptions,
): Promise<void> {
  shell.exitCode = exitCodeOfState(outcome.state);
  if (receipt) return await printReceipt(sink, outcome, { json });
  if (json) return await printJson(sink, client, outcome);
  if (outcome.state === "succeeded") {
    const parts = await opened(client.resultBytes(outcome));
    await (raw ? writeRaw(sink, parts) : printFramed(sink, parts, { before: "", after: "\n" }));
  }
  explain(shell, outcome);
}

/** Says on stderr what went wrong, if anything did. */
export function explain(shell: Pick<Shell, "stderr">, outcome: Outcome): void {
  const { job, counts } = outcome;
  const sentence = sentenceOf(outcome);
  if (sentence === undefined) return;
  const shown = listed(outcome).slice(0, SHOWN).map(failureLine);
  const more = counts.failed > Math.max(1, shown.length) ? [`all of them: muster dead ls ${job}`] : [];
  say(shell, sentence, [...shown, ...more]);
}

/** The failed items that are listed; a single one that the sentence names already is not. */
function listed({ failures, error }: Outcome): readonly Failure[] {
  const [first] = failures;
  const isNamed = failures.length === 1 && error?.path === `items[${first?.index}]`;
  return isNamed ? [] : failures;
}

function sentenceOf({ job, state, counts, error }: Outcome): string | undefined {
  const reason = error === undefined ? "it does not say why" : `${error.message} [${error.code}]`;
  if (state === "failed") return `Job ${job} failed: ${reason}`;
  if (state === "cancelled" || state === "expired") return reason;
  if (counts.failed === 0) return undefined;
  return `${counts.failed} of ${counted(counts.items, "item")} of job ${job} failed; the result is that of the others.`;
}

function failureLine({ index, code, message, attempts }: Failure): string {
  return `item ${index}: ${cut(message, MESSAGE)} [${code}, ${attempts === 0 ? "never run" : `tried ${counted(attempts, "time")}`}]`;
}

// ── as JSON ────────────────────────────────────────────────────────────────────────────────────────────────────

/** What an outcome says besides its result, ready for JSON. */
export function outcomeHead({ job, kind, state, counts, times, failures, error }: Outcome): object {
  const head = { job, kind, state, counts, times: isoTimes(times), failures };
  if (error === undefined) return head;
  const { code, message, path } = error;
  return { ...head, error: { code, message, path } };
}

/** A job that is over, in the form of one that runs, with what only its outcome knows. */
export function outcomeView({ job, kind, state, counts, times, failures, error, object }: Outcome): object {
  const { items, failed, tasks, duplicates, handlerMs } = counts;
  const view = {
    job,
    kind,
    state,
    items,
    total: items,
    failed,
    tasks,
    ...isoTimes(times),
    duplicates,
    handlerMs,
  };
  if (error === undefined) return { ...view, failures, object };
  const { code, message, path } = error;
  return { ...view, failures, error: { code, message, path } };
}

function isoTimes(times: Outcome["times"]): Record<string, string> {
  const known = Object.entries(times).filter(([, at]) => Number.isFinite(at));
  return Object.fromEntries(known.map(([name, at]) => [name, new Date(at as number).toISOString()]));
}

async function printJson(sink: Sink, client: Client, outcome: Outcome): Promise<void> {
  const head = JSON.stringify(outcomeHead(outcome));
  if (outcome.state !== "succeeded") {
    await writeData(sink, `${head}\n`);
    return;
  }
  const parts = await opened(client.resultBytes(outcome));
  await printFramed(sink, parts, { before: `${head.slice(0, -1)},"result":`, after: "}\n" });
}

async function printFramed(
  sink: Sink,
  parts: AsyncIterable<Uint8Array>,
  { before, after }: { before: string; after: string },
): Promise<void> {
  if (before !== "") await writeData(sink, before);
  if (await writeParts(sink, parts)) await writeData(sink, after);
}

/** Reads the first part ahead, so that a result that is not to be had is an error before anything is written. */
async function opened(parts: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = parts[Symbol.asyncIterator]();
  let next = await iterator.next();
  return (async function* () {
    for (; next.done !== true; next = await iterator.next()) yield next.value;
  })();
}
