/** Inputs that are read record by record, whatever the pieces that they come in. */
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parseJson } from "../../../src/protocol/json.ts";
import { type RecordFormat, type RecordOptions, readRecords } from "../../../src/protocol/records/read.ts";
import { type InputRecord, isChunkMark } from "../../../src/protocol/records/record.ts";
import { bytesOf, mustBeSame, mustHold, partOf, type Target } from "../target.ts";

/** So small that long records are met, too. */
const MAX_BYTES = 2_000;

async function recordsIn(bytes: Uint8Array, size: number, options: RecordOptions): Promise<InputRecord[]> {
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const records: InputRecord[] = [];
  for await (const batch of readRecords(pieces(), options)) records.push(...batch);
  return records;
}

function recordsTarget(
  name: string,
  { format, header }: Omit<RecordOptions, "maxBytes">,
  text: fc.Arbitrary<string>,
): Target {
  const options: RecordOptions = { format, ...(header === undefined ? {} : { header }), maxBytes: MAX_BYTES };
  return {
    name,
    corpus: text.map((each) => ({ data: partOf(each), size: "\x05" })),
    async check({ data, size = "" }) {
      const bytes = bytesOf(data);
      const records = await recordsIn(bytes, Math.max(1, bytes.length), options);
      const inPieces = await recordsIn(
        bytes,
        1 + (size.charCodeAt(0) % 64 || 0) + (bytes.length >> 6),
        options,
      );
      mustBeSame(inPieces, records, "other pieces, other records");
      for (const record of records) checkRecord(record, format);
    },
  };
}

function checkRecord(record: InputRecord, format: RecordFormat): void {
  if (isChunkMark(record))
    return mustHold(format === "shipped" && record.chunk >= 1, "a chunk's mark where there is none");
  if (typeof record !== "string") {
    mustHold(Number.isSafeInteger(record.line) && typeof record.reason === "string", "an odd bad record");
    return;
  }
  mustHold(Buffer.byteLength(record) <= MAX_BYTES, "a record longer than records may be");
  // What clients ship was read by them.
  if (format !== "shipped") parseJson(`[${record}]`);
}

const line = fc.oneof(fc.json({ maxDepth: 2 }), fc.string({ maxLength: 12 }));
const lines = fc.array(line, { maxLength: 6 }).map((all) => all.join("\n"));
const field = fc.oneof(fc.stringMatching(/^[a-z]{0,3}$/), fc.constantFrom('"a,b"', '"a""b"', '"a\nb"', ""));
const rows = fc
  .array(fc.array(field, { minLength: 2, maxLength: 2 }), { maxLength: 5 })
  .map((all) => ["x,y", ...all.map((row) => row.join(","))].join("\r\n"));
const array = fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 5 }).map((all) => JSON.stringify(all));
const shipped = lines.map((text) => `!{"line":7,"reason":"x","source":"a.csv"}\n!{"chunk":2}\n${text}`);

const gzip: Target = {
  ...recordsTarget("gzip", { format: "ndjson" }, lines),
  corpus: lines.map((text) => ({ data: partOf(gzipSync(text)), size: "\x05" })),
};

export const RECORDS: readonly Target[] = [
  recordsTarget("ndjson", { format: "ndjson" }, lines),
  recordsTarget("lines", { format: "lines" }, lines),
  recordsTarget("csv", { format: "csv" }, rows),
  recordsTarget("csv-rows", { format: "csv", header: false }, rows),
  recordsTarget("json-array", { format: "json" }, array),
  recordsTarget("shipped", { format: "shipped" }, shipped),
  gzip,
];
