/** Handing a job in: as one message, or its items through the object store. */
import type { Client } from "../actors/client.ts";
import type { ActorContext } from "../actors/context.ts";
import { STORE_RETRY } from "../actors/store-surely.ts";
import { BrokerUnreachable, InvalidBody, PayloadTooLarge, WriteUnknown } from "../errors.ts";
import type { Background } from "../runtime/background.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { sleep } from "../runtime/clock.ts";
import { checkEnds, type Items, type WriteItem, writeAll, writeEach, writtenValue } from "./items.ts";
import type { WireOptions } from "./options.ts";
import { Range } from "./range.ts";
import { SplitValue } from "./split-value.ts";

/** What jobs are handed in with. */
export interface Ground {
  readonly client: Client;
  readonly context: ActorContext;
  /** What goes on without anybody waiting for it. */
  readonly background: Background;
}

/** A job to hand in. */
export interface Outgoing {
  kind: string;
  items: Items<unknown> | SplitValue;
  write: WriteItem;
  /** With a key, so that handing in twice is as good as once. */
  options: WireOptions & { key: string };
  signal: AbortSignal | undefined;
}

/**
 * Hands a job in; resolves, once it is stored, with its number of items, where they are known. Where it rejects, nothing was handed in.
 * @throws InputMismatch, InvalidBody, the signal's reason, and what the broker refuses
 */
export async function send(ground: Ground, job: Outgoing): Promise<number | undefined> {
  const { items, write, signal } = job;
  signal?.throwIfAborted();
  if (items instanceof SplitValue) return await sendValue(ground, job, items);
  checkIterable(items);
  if (items instanceof Range) return await sendRange(ground, job, items);
  if (Array.isArray(items)) return await sendTexts(ground, job, await writeAll(items, write, signal));
  return await sendRecords(ground, job, writeEach(items, write, signal));
}

/** A text can be iterated, too, letter by letter: nobody means that. */
function checkIterable(items: unknown): void {
  const isList = typeof items === "object" && items !== null;
  if (isList && (Symbol.iterator in items || Symbol.asyncIterator in items)) return;
  throw new InvalidBody("Items must be an array, a range, or an iterable; for a single item there is run().");
}

async function sendValue(ground: Ground, job: Outgoing, { value }: SplitValue): Promise<undefined> {
  await submitSurely(ground, job, `{"split":${writtenValue(value)}}`);
}

async function sendRange(ground: Ground, job: Outgoing, range: Range): Promise<number> {
  await checkEnds(range, job.write);
  const { from, to, step } = range;
  await submitSurely(ground, job, JSON.stringify({ range: { from, to, step } }));
  return range.length;
}

async function sendTexts(ground: Ground, job: Outgoing, texts: readonly string[]): Promise<number> {
  try {
    await submitSurely(ground, job, `[${texts.join(",")}]`);
  } catch (error) {
    if (!(error instanceof PayloadTooLarge)) throw error;
    await sendRecords(ground, job, texts);
  }
  return texts.length;
}

async function sendRecords(
  { client }: Ground,
  { kind, options }: Outgoing,
  texts: Iterable<string> | AsyncIterable<string>,
): Promise<number> {
  let count = 0;
  async function* counted() {
    for await (const text of texts) {
      count++;
      yield text;
    }
  }
  await client.submitRecords({ kind, options, records: counted() });
  return count;
}

/** Submits again when the answer is lost: the key sees to it that the job is one. */
async function submitSurely(
  ground: Ground,
  { kind, options, signal }: Outgoing,
  body: string,
): Promise<void> {
  const { client, context } = ground;
  for (let attempt = 1; ; attempt++) {
    try {
      await client.submit({ kind, body, options });
      return;
    } catch (error) {
      if (!(error instanceof WriteUnknown || error instanceof BrokerUnreachable)) throw error;
      await sleep(context.clock, backoffMs(STORE_RETRY, attempt, context.random), signal);
    }
  }
}
