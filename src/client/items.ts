/** Items on their way into a job: checked against the task's schema, and written as JSON. */
import { type AnyTask, definitionOf } from "../actors/handlers/task.ts";
import { InputMismatch, InvalidBody, messageOf } from "../errors.ts";
import { encodeState } from "../protocol/json.ts";
import { itemOf } from "../protocol/records/record.ts";
import { conform } from "../protocol/schema.ts";
import type { Range } from "./range.ts";

/**
 * What a job can be given. An array, or a {@link Range}, is sent as it is; what else can be iterated is read as a stream,
 * never faster than it is stored, and never whole in memory.
 */
export type Items<Item> = Iterable<Item> | AsyncIterable<Item>;

/** Writes an item as JSON text, and checks it; a promise only where the schema gives one. */
export type WriteItem = (item: unknown, index: number) => string | Promise<string>;

/** @throws InputMismatch where the item does not fit the schema, InvalidBody where it is no JSON; both name its number */
export function itemWriter(task: AnyTask | undefined): WriteItem {
  const { input } = task === undefined ? {} : definitionOf(task);
  if (task === undefined || input === undefined) return written;
  return (item, index) => {
    const refuse = (fault: { path: string; reason: string }) =>
      new InputMismatch(task.kind, { index, ...fault });
    const checked = conform(input, item, refuse);
    return checked instanceof Promise ? checked.then(() => written(item, index)) : written(item, index);
  };
}

/** An item travels as it was given: what the schema makes of it is made by the worker. */
function written(item: unknown, index: number): string {
  const record = itemOf(jsonOf(item, index), index + 1);
  if (typeof record === "string") return record;
  throw notJson(index, record.reason);
}

/** What a splitter is given, as JSON text. @throws InvalidBody where it is no JSON */
export function writtenValue(value: unknown): string {
  try {
    return encodeState(value);
  } catch (cause) {
    throw new InvalidBody(`What the splitter is given is no JSON: ${messageOf(cause)}`, {
      path: "split",
      cause,
    });
  }
}

function jsonOf(item: unknown, index: number): string {
  try {
    return encodeState(item);
  } catch (cause) {
    const reason = messageOf(cause).replace(/^.*?: /, "");
    throw notJson(index, reason, cause);
  }
}

function notJson(index: number, reason: string, cause?: unknown): InvalidBody {
  return new InvalidBody(`Item ${index} cannot be sent as JSON: ${reason}`, {
    path: `items[${index}]`,
    cause,
  });
}

/** All items of an array, written. @throws as {@link itemWriter}, the signal's reason */
export async function writeAll(
  items: readonly unknown[],
  write: WriteItem,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const texts: string[] = [];
  for (const [index, item] of items.entries()) {
    signal?.throwIfAborted();
    const text = write(item, index);
    texts.push(typeof text === "string" ? text : await text);
  }
  return texts;
}

/** Items one by one, written. @throws as {@link itemWriter}, the signal's reason */
export async function* writeEach(
  items: Items<unknown>,
  write: WriteItem,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  let index = 0;
  for await (const item of items) {
    signal?.throwIfAborted();
    yield await write(item, index++);
  }
}

/** The numbers at the ends of a range stand for all of them. @throws InputMismatch */
export async function checkEnds(range: Range, write: WriteItem): Promise<void> {
  if (range.length === 0) return;
  await write(range.at(0), 0);
  await write(range.at(range.length - 1), range.length - 1);
}
