/** Records as the items of a job: the flags that name their format, and the files that they are read from. */
import { type Command, Option } from "commander";
import { InvalidOption, InvalidRecord, PayloadTooLarge } from "../../errors.ts";
import { bytesText } from "../../protocol/binary.ts";
import { type RecordFormat, type RecordOptions, readRecords } from "../../protocol/records/read.ts";
import { type InputRecord, isChunkMark, sentenceOf } from "../../protocol/records/record.ts";
import { ON_BAD_RECORD, type OnBadRecord } from "../../protocol/submission.ts";
import type { InputFile } from "./input-files.ts";

/** What commander gives for the flags of {@link addRecordOptions}. */
export interface RecordFlags {
  lines?: boolean;
  ndjson?: boolean;
  csv?: boolean;
  jsonArray?: boolean;
  bytes?: boolean;
  /** `--no-header`. */
  header?: boolean;
  onBadRecord?: OnBadRecord;
}

type Flag = "lines" | "ndjson" | "csv" | "jsonArray" | "bytes";

/** How a file is read: as records, or whole, as one item of bytes. */
type FileFormat = RecordFormat | "bytes";

const FORMATS: Readonly<Record<Flag, { flag: string; format: FileFormat; text: string }>> = {
  lines: { flag: "--lines", format: "lines", text: "items are the lines of the files named" },
  ndjson: {
    flag: "--ndjson",
    format: "ndjson",
    text: "items are the JSON texts of the files named, one a line",
  },
  csv: { flag: "--csv", format: "csv", text: "items are the rows of the files named, as objects" },
  jsonArray: {
    flag: "--json-array",
    format: "json",
    text: "items are the elements of the arrays in the files named",
  },
  bytes: { flag: "--bytes", format: "bytes", text: "each of the files named is an item: its bytes" },
};

export function addRecordOptions(command: Command): Command {
  for (const { flag, text } of Object.values(FORMATS)) command.option(flag, text);
  return command
    .option("--no-header", "the first row of a CSV is a row like the others, and rows become arrays")
    .addOption(
      new Option(
        "--on-bad-record <what>",
        "fail-item: a record that cannot be read fails as an item; fail-job: nothing is submitted (default: fail-item)",
      ).choices(ON_BAD_RECORD),
    );
}

/** How records are read. */
export interface RecordReader {
  format: FileFormat;
  header: boolean;
  onBadRecord: OnBadRecord;
}

/** What the flags ask for; undefined where the input is no records. @throws InvalidOption where they do not go together */
export function recordReaderOf(flags: RecordFlags): RecordReader | undefined {
  const given = (Object.keys(FORMATS) as Flag[])
    .filter((flag) => flags[flag] === true)
    .map((flag) => FORMATS[flag]);
  const [first, second] = given;
  if (second !== undefined)
    throw new InvalidOption(second.flag, `it is given beside ${first?.flag}: give one of them.`);
  const { header = true, onBadRecord = "fail-item" } = flags;
  if (!header && first?.format !== "csv") throw new InvalidOption("--no-header", "it goes with --csv only.");
  return first && { format: first.format, header, onBadRecord };
}

/** What was read so far. */
export interface ReadCounts {
  bytes: number;
  records: number;
  bad: number;
}

export interface ReadingOptions extends RecordReader {
  /** Bytes that an item may have. */
  maxBytes: number;
  /** Kept up to date while records are read. */
  counts: ReadCounts;
  signal: AbortSignal;
}

/**
 * The records of files, one file after the other, in batches, never faster than they are taken.
 * @throws InvalidRecord where a bad record fails the job, InvalidBody where a file cannot be read, the signal's reason
 */
export async function* recordsOf(
  files: readonly InputFile[],
  options: ReadingOptions,
): AsyncGenerator<InputRecord[]> {
  const { format, header, maxBytes, counts } = options;
  for (const file of files) {
    if (format === "bytes") {
      yield [await wholeFile(file, options)];
      counts.records++;
      continue;
    }
    const how: RecordOptions = { format, header, maxBytes };
    for await (const batch of readRecords(countedBytes(file, options), how)) {
      yield batch.map((record) => named(record, file, options));
    }
  }
}

/** A file as one item of bytes. @throws PayloadTooLarge where they are more than an item may have */
async function wholeFile(file: InputFile, options: ReadingOptions): Promise<string> {
  const parts: Uint8Array[] = [];
  const most = Math.floor((options.maxBytes - bytesText(new Uint8Array()).length) / 4) * 3;
  const before = options.counts.bytes;
  for await (const part of countedBytes(file, options)) {
    const size = options.counts.bytes - before;
    if (size > most)
      throw new PayloadTooLarge(`"${file.name}"`, Math.max(size, file.size ?? 0), most, TOO_LARGE);
    parts.push(part);
  }
  return bytesText(Buffer.concat(parts));
}

const TOO_LARGE =
  "Items travel in messages: put the file into the object store, and give the handler its name.";

async function* countedBytes(
  file: InputFile,
  { counts, signal }: ReadingOptions,
): AsyncGenerator<Uint8Array> {
  for await (const piece of file.read(signal)) {
    counts.bytes += piece.length;
    yield piece;
  }
}

/** A bad record says which file its line is of. */
function named(record: InputRecord, file: InputFile, { counts, onBadRecord }: ReadingOptions): InputRecord {
  if (typeof record === "object" && isChunkMark(record)) return record;
  counts.records++;
  if (typeof record === "string") return record;
  counts.bad++;
  const bad = { ...record, source: file.name };
  if (onBadRecord === "fail-job") throw new InvalidRecord(sentenceOf(bad));
  return bad;
}
