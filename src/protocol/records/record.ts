/** What comes of one record of an input: an item, or the reason why it is none. */
import { isUtf8 } from "node:buffer";
import { InvalidJson, MusterError } from "../../errors.ts";
import { MAX_DEPTH, parseJson } from "../json.ts";
import { isDeeperThan } from "../json-scan.ts";

/** A record that cannot be read. */
export interface BadRecord {
  /** Where it begins, from 1. */
  readonly line: number;
  /** A clause about the record: `it is not valid JSON: …`. */
  readonly reason: string;
  /** What the line is of, where that is not the job's only input: a file's name. */
  readonly source?: string;
}

/** Says that so many items behind it are one task. Only what a splitter made has any. */
export interface ChunkMark {
  readonly chunk: number;
}

/** A record as it was read: the JSON text of an item, a bad record, or the mark of a chunk. */
export type InputRecord = string | BadRecord | ChunkMark;

/** Whether a record is none, but says something of those behind it. */
export function isChunkMark(record: InputRecord): record is ChunkMark {
  return typeof record === "object" && "chunk" in record;
}

/** Room that a message needs beside an item, in bytes: a record may have no more than what is left. */
export const ITEM_ROOM = 16 * 1024;

/** The reason of a record with more bytes than an item may have. */
export const TOO_LONG = "it is longer than an item may be.";

/** The bytes of one record, not yet looked at. */
export interface RawRecord {
  readonly line: number;
  /** Undefined where there were more than a record may have. */
  readonly bytes: Buffer | undefined;
  /** It cannot be whole: the input ended, or is no such input. */
  readonly fault?: string;
}

/** Finds where records end, in bytes that come in pieces; what it finds does not depend on the pieces. */
export interface Cutter {
  /** The records that end in these bytes. */
  push(bytes: Buffer): RawRecord[];
  /** What is left when the input ends. */
  end(): RawRecord[];
  /** Where the record begins whose end has not come yet. */
  readonly line: number;
}

/** Characters of a bad record's reason: the reasons of a chunk of bad records travel in one message. */
const MAX_REASON = 300;

/** Says of a bad record where it is and what is wrong with it. */
export function sentenceOf({ source, line, reason }: BadRecord): string {
  const place = source === undefined ? `Line ${line} of the input` : `${source}, line ${line}`;
  return `${place}: ${reason.slice(0, MAX_REASON)}`;
}

/** Reads the text of a raw record, where it is one; what `read` leaves undefined is no record at all. */
export function readText<T extends InputRecord>(
  { line, bytes, fault }: RawRecord,
  read: (text: string, line: number) => T | undefined,
): T | BadRecord | undefined {
  if (fault !== undefined) return { line, reason: fault };
  if (bytes === undefined) return { line, reason: TOO_LONG };
  return isUtf8(bytes) ? read(bytes.toString("utf8"), line) : { line, reason: "its bytes are not UTF-8." };
}

/** A JSON text as an item, if workers will take it. */
export function itemOf(text: string, line: number): string | BadRecord {
  try {
    parseJson(text);
  } catch (error) {
    return { line, reason: reasonOf(error) };
  }
  // In a task it stands one level deeper, and must not spoil its neighbours.
  if (text.length >= 2 * MAX_DEPTH && isDeeperThan(text, MAX_DEPTH - 1)) {
    return { line, reason: `it nests deeper than ${MAX_DEPTH - 1} levels.` };
  }
  return text;
}

function reasonOf(error: unknown): string {
  if (error instanceof InvalidJson) return `it is not valid JSON: ${error.reason}`;
  if (error instanceof MusterError) return error.message;
  throw error;
}
