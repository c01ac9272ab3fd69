import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RECORD_FORMATS, type RecordFormat, type RecordOptions } from "../../src/protocol/records/read.ts";
import { shippedLine } from "../../src/protocol/records/shipped.ts";
import { recordsOf, valuesOf } from "../support/records.ts";

const lengths = fc.array(fc.nat(9), { maxLength: 60 });
const trickyText = fc
  .array(
    fc.constantFrom(
      '"',
      '""',
      ",",
      "\n",
      "\r\n",
      "é",
      "€",
      "😀",
      "a",
      " ",
      "[",
      "]",
      "{",
      "}",
      "\\",
      ":",
      "1",
      "!",
    ),
    {
      maxLength: 40,
    },
  )
  .map((parts) => parts.join(""));
const brokenBytes = fc
  .tuple(trickyText, fc.uint8Array({ maxLength: 6 }), trickyText)
  .map(([before, bytes, behind]) => Buffer.concat([Buffer.from(before), bytes, Buffer.from(behind)]));
const input = fc.oneof(
  trickyText.map((text) => Buffer.from(text)),
  brokenBytes,
);
const format = fc.constantFrom<RecordFormat>(...RECORD_FORMATS);
const options: fc.Arbitrary<RecordOptions> = fc.record({
  format,
  header: fc.constant(false),
  maxBytes: fc.constantFrom(3, 10, 1_000),
});

describe("records, however their bytes are cut", () => {
  it("are those of the whole, good and bad ones, in every format", () =>
    fc.assert(
      fc.asyncProperty(input, options, lengths, async (bytes, options, lengths) => {
        expect(await recordsOf(bytes, options, lengths)).toEqual(await recordsOf(bytes, options));
      }),
      { numRuns: 500 },
    ));

  it("are the same out of gzip, whole or cut short anywhere", () =>
    fc.assert(
      fc.asyncProperty(input, options, lengths, fc.nat(200), async (bytes, options, lengths, cut) => {
        const packed = gzipSync(bytes);
        expect(await recordsOf(packed, options, lengths)).toEqual(await recordsOf(bytes, options));
        const short = packed.subarray(0, Math.max(3, packed.length - 1 - cut));
        expect(await recordsOf(short, options, lengths)).toEqual(await recordsOf(short, options));
      }),
      { numRuns: 100 },
    ));
});

/** Formats whose items are checked; what was shipped is taken as it is. */
const read = options.filter(({ format }) => format !== "shipped");

describe("records that were written by the book", () => {
  const json = fc
    .jsonValue({ maxDepth: 3 })
    .filter((value) => !/__proto__|constructor|\d{16}|\de\+/.test(JSON.stringify(value)));
  const field = fc.oneof(fc.string({ unit: "grapheme" }), trickyText);
  const ends = fc.constantFrom("\n", "\r\n");

  it("come back from NDJSON, with or without an end of the last line", () =>
    fc.assert(
      fc.asyncProperty(fc.array(json), ends, fc.boolean(), lengths, async (values, end, last, lengths) => {
        const text = values.map((value) => JSON.stringify(value)).join(end) + (last ? end : "");
        const records = await recordsOf(text, { format: "ndjson" }, lengths);
        expect(valuesOf(records)).toEqual(JSON.parse(JSON.stringify(values)));
        expect(records).toHaveLength(values.length);
      }),
    ));

  it("come back from one JSON array, however it is spaced", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(json),
        fc.constantFrom(0, 1, "\t"),
        lengths,
        async (values, space, lengths) => {
          const text = ` ${JSON.stringify(values, null, space)}\n`;
          const records = await recordsOf(text, { format: "json" }, lengths);
          expect(valuesOf(records)).toEqual(JSON.parse(JSON.stringify(values)));
          expect(records).toHaveLength(values.length);
        },
      ),
    ));

  it("come back from CSV: every field as it was, whatever it holds", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(field, { minLength: 2, maxLength: 4 })),
        ends,
        fc.boolean(),
        lengths,
        async (rows, end, last, lengths) => {
          const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
          const text = rows.map((row) => row.map(quoted).join(",")).join(end) + (last ? end : "");
          const records = await recordsOf(text, { format: "csv", header: false }, lengths);
          expect(valuesOf(records)).toEqual(rows);
          expect(records).toHaveLength(rows.length);
        },
      ),
    ));

  it("come back as they were when they are shipped, the bad ones too", () =>
    fc.assert(
      fc.asyncProperty(input, read, lengths, async (bytes, options, lengths) => {
        const records = await recordsOf(bytes, options);
        const text = records.map((record) => `${shippedLine(record)}\n`).join("");
        const again = await recordsOf(text, { format: "shipped" }, lengths);
        const compact = (all: typeof records) =>
          all.map((record) => (typeof record === "string" ? JSON.parse(record) : record));
        expect(compact(again)).toEqual(compact(records));
      }),
    ));
});
