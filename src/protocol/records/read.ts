/** Reads the records of an input as a stream, whatever its format. */
import { BrokenGzip, type Bytes, plainBytes } from "./bytes.ts";
import { RowCutter, RowReader } from "./csv.ts";
import { ElementCutter, readElement } from "./json-array.ts";
import { LineCutter, readJsonLine, readLine } from "./lines.ts";
import { type Cutter, type InputRecord, type RawRecord, TOO_LONG } from "./record.ts";
import { readShippedLine } from "./shipped.ts";

/**
 * Formats that an input of records may have: a JSON text a line, any text a line, CSV, one JSON array, and what a client
 * ships (NDJSON with marks for bad records).
 */
export const RECORD_FORMATS = ["ndjson", "lines", "csv", "json", "shipped"] as const;
export type RecordFormat = (typeof RECORD_FORMATS)[number];

export interface RecordOptions {
  format: RecordFormat;
  /** Of CSV: the first row names the fields, and rows become objects; else they become arrays. @default true */
  header?: boolean;
  /** Bytes that a record may have; one with more is bad. @default 8 MiB */
  maxBytes?: number;
}

/** Beyond what any server takes in a message by default: memory has a bound also where a record never ends. */
const MAX_BYTES = 8 * 1024 * 1024;

/** A format: how its records are cut out of the bytes, and what each of them is. */
interface Format {
  cutter: Cutter;
  read(raw: RawRecord): InputRecord | undefined;
}

function formatOf({ format, header = true, maxBytes = MAX_BYTES }: RecordOptions): Format {
  switch (format) {
    case "ndjson":
      return { cutter: new LineCutter(maxBytes), read: readJsonLine };
    case "lines":
      return { cutter: new LineCutter(maxBytes), read: readLine };
    case "csv": {
      const reader = new RowReader({ header });
      return { cutter: new RowCutter(maxBytes), read: (raw) => reader.read(raw) };
    }
    case "json":
      return { cutter: new ElementCutter(maxBytes), read: readElement };
    case "shipped":
      return { cutter: new LineCutter(maxBytes), read: readShippedLine };
  }
}

/**
 * The records of an input, in order, in batches as they come; gzip is known by its first bytes and inflated. How the
 * bytes are cut into pieces changes nothing of the records.
 *
 * What is read is never whole in memory. A record that cannot be read is given as a BadRecord, and reading goes on
 * behind it; gzip data that is cut short ends with one.
 * @throws InvalidBody when the header of a CSV cannot be used, and whatever the bytes throw
 */
export async function* readRecords(bytes: Bytes, options: RecordOptions): AsyncGenerator<InputRecord[]> {
  const { maxBytes = MAX_BYTES } = options;
  const { cutter, read } = formatOf(options);
  const known = (raws: readonly RawRecord[]) =>
    raws.map((raw) => bounded(read(raw), raw, maxBytes)).filter((record) => record !== undefined);
  try {
    for await (const piece of plainBytes(bytes)) yield known(cutter.push(asBuffer(piece)));
  } catch (error) {
    if (!(error instanceof BrokenGzip)) throw error;
    yield [{ line: cutter.line, reason: error.message }];
    return;
  }
  yield known(cutter.end());
}

/** An item may be longer than the bytes that it was read from. */
function bounded(
  record: InputRecord | undefined,
  { line }: RawRecord,
  maxBytes: number,
): InputRecord | undefined {
  if (typeof record !== "string" || record.length * 3 <= maxBytes) return record;
  return Buffer.byteLength(record) <= maxBytes ? record : { line, reason: TOO_LONG };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
