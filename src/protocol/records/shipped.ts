/**
 * Records as a client ships them: NDJSON, in which a line `!{"line":7,"reason":"…","source":"logs/a.csv"}` stands for a
 * record that it could not read, and `!{"chunk":3}` says that the next three are one task. No JSON text begins with an
 * exclamation mark.
 */
import { MAX_CHUNK_ITEMS } from "../spec.ts";
import { type BadRecord, type ChunkMark, type InputRecord, type RawRecord, readText } from "./record.ts";

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
  return readText<InputRecord>(raw, (text, line) => {
    if (text.charCodeAt(0) !== MARK_CODE) return text === "" ? undefined : text;
    return markOf(text.slice(1)) ?? { line, reason: "it is a mark that cannot be read." };
  });
}

function markOf(text: string): BadRecord | ChunkMark | undefined {
  try {
    const { line, reason, source, chunk } = JSON.parse(text) as Partial<BadRecord & ChunkMark>;
    if (isChunkSize(chunk)) return { chunk };
    if (!Number.isSafeInteger(line) || typeof reason !== "string") return undefined;
    return { line: line as number, reason, ...(typeof source === "string" ? { source } : {}) };
  } catch {
    return undefined;
  }
}

function isChunkSize(chunk: unknown): chunk is number {
  return Number.isSafeInteger(chunk) && Number(chunk) >= 1 && Number(chunk) <= MAX_CHUNK_ITEMS;
}
