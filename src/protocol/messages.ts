/** Tasks and results, as messages and back. */
import { InvalidBody } from "../errors.ts";
import { amountOf } from "./amount.ts";
import { type Failure, jsonOfFirst, parseFailures } from "./failure.ts";
import { type InvalidItem, splitInvalid, withInvalid } from "./invalid-items.ts";
import { HEADER } from "./names.ts";
import { decodeTally, encodeTally, type Tally } from "./receipt.ts";
import {
  decodeItems,
  encodeItems,
  encodeSpec,
  type ItemRange,
  type JobSpec,
  type SpecDecoder,
} from "./spec.ts";

/** Field names are headers as NATS shows them. */
export type Fields = Readonly<Record<string, string>>;

export interface Encoded {
  headers: Record<string, string>;
  data: string | Uint8Array;
}

/** A received message, as far as decoding needs it. */
export interface Received {
  readonly subject: string;
  readonly headers: Fields;
  readonly data: Uint8Array;
}

// ── tasks ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface TaskItems {
  /** JSON array of the items; empty for ranges. */
  readonly items: Uint8Array | string;
  /** Those of the items that fail without being run. */
  readonly invalid?: readonly InvalidItem[];
}

export interface Task extends ItemRange, TaskItems {
  readonly spec: JobSpec;
  /** The spec as it came, so that the result can carry it on without encoding it again. */
  readonly specText?: string | undefined;
}

export function encodeTask(task: Task, specText = encodeSpec(task.spec)): Encoded {
  const { items, invalid = [] } = task;
  const itemsText = encodeItems(task, task.spec.total);
  // The spec stands last, here and in results: readers may then know it again by its bytes.
  if (invalid.length === 0)
    return { headers: { [HEADER.items]: itemsText, [HEADER.spec]: specText }, data: items };
  const headers = {
    [HEADER.items]: itemsText,
    [HEADER.invalid]: String(invalid.length),
    [HEADER.spec]: specText,
  };
  return { headers, data: withInvalid(invalid, items) };
}

/** @throws InvalidBody when the message is not a task */
export function decodeTask({ headers, data }: Received, specs: SpecDecoder): Task {
  const specText = headers[HEADER.spec];
  const { from, count, total } = decodeItems(headers[HEADER.items]);
  const spec = specs.decode(specText, total);
  if (headers[HEADER.invalid] === undefined) return { spec, specText, from, count, items: data };
  return { spec, specText, from, count, ...splitInvalid(data) };
}

// ── results ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Result extends ItemRange {
  readonly spec: JobSpec;
  /** The chunk's outputs, reduced: JSON text as the reducer encodes its state. Empty when `object` holds it. */
  readonly partial: string;
  /** Name of the object in the outputs bucket that holds the partial, where it is larger than a message. */
  readonly object?: string;
  /** The items that failed for good; on the way to the aggregator the first few of them. */
  readonly failures: readonly Failure[];
  /** How many failed for good, where `failures` need not name them all. */
  readonly failed?: number;
  readonly handlerMs: number;
  readonly worker: string;
  /** For the job's receipt, which does not add up without it. */
  readonly tally?: Tally;
}

/** Characters kept of a failure's message in a result; its dead letter has them all. */
const MAX_RESULT_MESSAGE = 1_000;

export function encodeResult(result: Result, specText = encodeSpec(result.spec)): Encoded {
  const headers: Record<string, string> = {
    [HEADER.items]: encodeItems(result, result.spec.total),
    [HEADER.handlerMs]: result.handlerMs.toFixed(3),
    [HEADER.worker]: result.worker,
  };
  if (result.tally !== undefined) headers[HEADER.tally] = encodeTally(result.tally);
  if (result.object !== undefined) headers[HEADER.object] = result.object;
  const { failures, failed = failures.length, partial } = result;
  if (failures.length > 0) headers[HEADER.failed] = String(failed);
  headers[HEADER.spec] = specText;
  if (failures.length === 0) return { headers, data: partial };
  const named = jsonOfFirst(failures, MAX_RESULT_MESSAGE, JSON.stringify);
  return { headers, data: `${named}\n${partial}` };
}

/** @throws InvalidBody when the message is not a result */
export function decodeResult(message: Received, specs: SpecDecoder): Result {
  const { from, count, total } = decodeItems(message.headers[HEADER.items]);
  const spec = specs.decode(message.headers[HEADER.spec], total);
  const text = Buffer.from(message.data.buffer, message.data.byteOffset, message.data.length).toString(
    "utf8",
  );
  const object = message.headers[HEADER.object];
  const tally = decodeTally(message.headers[HEADER.tally]);
  return {
    spec,
    from,
    count,
    ...splitBody(text, { from, count }, message.headers[HEADER.failed]),
    ...(object === undefined ? {} : { object }),
    handlerMs: amountOf(message.headers[HEADER.handlerMs]),
    worker: message.headers[HEADER.worker] ?? "",
    ...(tally === undefined ? {} : { tally }),
  };
}

type FailuresAndPartial = Pick<Result, "failures" | "failed" | "partial">;

/** With failures the first line is their JSON array (which has no line break), the rest is the partial. */
function splitBody(text: string, range: ItemRange, header: string | undefined): FailuresAndPartial {
  if (header === undefined) return { failures: [], partial: text };
  const failed = Number(header);
  const end = text.indexOf("\n");
  const failures = parseFailures(text.slice(0, Math.max(0, end)));
  const isRight =
    Number.isSafeInteger(failed) &&
    failures.length >= 1 &&
    failures.length <= failed &&
    failed <= range.count &&
    failures.every(({ index }) => index >= range.from && index < range.from + range.count);
  if (!isRight) throw new InvalidBody("The result's failures cannot be read.", { path: HEADER.failed });
  return { failures, failed, partial: text.slice(end + 1) };
}
