/**
 * Records as a client ships them: NDJSON, in which a line `!{"line":7,"reason":"…","source":"logs/a.csv"}` stands for a
 * record that it could not read. No JSON text begins with an exclamation mark.
 */
import { type BadRecord, type InputRecord, type RawRecord, readText } from "./record.ts";

const MARK = "!";
const MARK_CODE = MARK.charCodeAt(0);

/** One line of a shipped object, without its line break. */
export function shippedLine(record: InputRecord): string {
  if (typeof record !== "string") return MARK + JSON.stringify(record);
  // In a JSON text a line break can only stand between tokens, where a space does as well.
  return /[\r\n]/.test(record) ? record.replace(/[\r\n]+/g, " ") : record;
}

/** Reads a line of a shipped object. Items are taken as they are: whoever shipped them has read them, as will the worker. */
export function readShippedLine(raw: RawRecord): InputRecord | undefined {
  return readText(raw, (text, line) => {
    if (text.charCodeAt(0) !== MARK_CODE) return text === "" ? undefined : text;
    return badRecordOf(text.slice(1)) ?? { line, reason: "it is a mark that cannot be read." };
  });
}

function badRecordOf(text: string): BadRecord | undefined {
  try {
    const { line, reason, source } = JSON.parse(text) as Partial<BadRecord>;
    if (!Number.isSafeInteger(line) || typeof reason !== "string") return undefined;
    return { line: line as number, reason, ...(typeof source === "string" ? { source } : {}) };
  } catch {
    return undefined;
  }
}
