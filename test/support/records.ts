/** Reads records out of bytes that come in pieces. */

import { type RecordOptions, readRecords } from "../../src/protocol/records/read.ts";
import type { InputRecord } from "../../src/protocol/records/record.ts";

/** Cuts bytes into pieces of these lengths; the rest is the last piece. */
export function pieces(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const cut: Uint8Array[] = [];
  let from = 0;
  for (const length of lengths) {
    cut.push(bytes.subarray(from, from + length));
    from += length;
  }
  return [...cut, bytes.subarray(from)];
}

async function* streamed(parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts;
}

/** All records of some bytes, which come in one piece unless lengths are given. */
export async function recordsOf(
  input: string | Uint8Array,
  options: RecordOptions,
  lengths: readonly number[] = [],
): Promise<InputRecord[]> {
  const bytes = typeof input === "string" ? Buffer.from(input) : input;
  const records: InputRecord[] = [];
  for await (const batch of readRecords(streamed(pieces(bytes, lengths)), options)) records.push(...batch);
  return records;
}

/** The items among records, as values. */
export function valuesOf(records: readonly InputRecord[]): unknown[] {
  return records.flatMap((record) => (typeof record === "string" ? [JSON.parse(record)] : []));
}
