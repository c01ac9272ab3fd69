/** The items of a task that are none: records of its job's input that could not be read. */
import { InvalidBody } from "../errors.ts";

export interface InvalidItem {
  /** Where it stands in the chunk, from 0; its place among the items is held by `null`. */
  readonly offset: number;
  /** Which record it is, and what is wrong with it. */
  readonly message: string;
}

const LINE_FEED = 0x0a;

/** Puts a line in front of a task's items that names those which are none. */
export function withInvalid(
  invalid: readonly InvalidItem[],
  items: Uint8Array | string,
): Uint8Array | string {
  const line = `${JSON.stringify(invalid.map(({ offset, message }) => [offset, message]))}\n`;
  return typeof items === "string" ? line + items : Buffer.concat([Buffer.from(line), items]);
}

/** Takes a task's body apart again. @throws InvalidBody when it does not begin with such a line */
export function splitInvalid(data: Uint8Array): { invalid: InvalidItem[]; items: Uint8Array } {
  const end = data.indexOf(LINE_FEED);
  const invalid = invalidOf(Buffer.from(data.subarray(0, Math.max(0, end))).toString("utf8"));
  if (invalid === undefined) throw new InvalidBody("The task's invalid items cannot be read.");
  return { invalid, items: data.subarray(end + 1) };
}

function invalidOf(line: string): InvalidItem[] | undefined {
  try {
    const pairs: unknown = JSON.parse(line);
    return Array.isArray(pairs) && pairs.every(isPair)
      ? pairs.map(([offset, message]) => ({ offset: Math.abs(offset), message }))
      : undefined;
  } catch {
    return undefined;
  }
}

/** Minus zero, which JSON has, is an offset, too. */
function isPair(value: unknown): value is [offset: number, message: string] {
  if (!Array.isArray(value)) return false;
  const [offset, message]: unknown[] = value;
  return Number.isSafeInteger(offset) && Number(offset) >= 0 && typeof message === "string";
}
