import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { InvalidBody } from "../../src/errors.ts";
import { recordsOf } from "../support/records.ts";

describe("lines", () => {
  it("are items as they stand, blank ones too, without their line breaks", async () => {
    expect(await recordsOf("a\r\n\n b ", { format: "lines" })).toEqual(['"a"', '""', '" b "']);
  });

  it("are none in an empty input, and a byte order mark is no part of the first", async () => {
    expect(await recordsOf("", { format: "lines" })).toEqual([]);
    expect(await recordsOf("\ufeffa\n", { format: "lines" }, [1, 1])).toEqual(['"a"']);
    expect(await recordsOf("\ufeff", { format: "lines" })).toEqual([]);
  });

  it("are bad by themselves where their bytes are not UTF-8", async () => {
    const bytes = Buffer.concat([Buffer.from("a\n"), Buffer.from([0xff, 0x0a]), Buffer.from("b")]);
    const bad = { line: 2, reason: "its bytes are not UTF-8." };
    expect(await recordsOf(bytes, { format: "lines" })).toEqual(['"a"', bad, '"b"']);
  });

  it("are bad by themselves where they are too long", async () => {
    const bad = { line: 2, reason: "it is longer than an item may be." };
    const records = await recordsOf("ab\nabcdefgh\ncd", { format: "lines", maxBytes: 4 }, [4, 2, 3]);
    expect(records).toEqual(['"ab"', bad, '"cd"']);
  });
});

describe("NDJSON", () => {
  it("skips blank lines, and tells the line and the fault of a bad one", async () => {
    const [one, bad, two] = await recordsOf('1\n\n{"a":}\n 2 \n', { format: "ndjson" });
    expect([one, two]).toEqual(["1", "2"]);
    expect(bad).toEqual({ line: 3, reason: expect.stringMatching(/^it is not valid JSON: /) });
  });

  it("refuses what would be changed on its way: large integers, and keys that change a prototype", async () => {
    const records = await recordsOf('12345678901234567890\n{"__proto__":1}\n3', { format: "ndjson" });
    expect(records).toEqual([
      { line: 1, reason: expect.stringContaining("12345678901234567890") },
      { line: 2, reason: expect.stringContaining("__proto__") },
      "3",
    ]);
  });

  it("refuses an item that nests too deep for a task, so that its neighbours are not lost with it", async () => {
    const deep = "[".repeat(1024) + "]".repeat(1024);
    const records = await recordsOf(`1\n${deep}\n2`, { format: "ndjson" });
    expect(records).toEqual(["1", { line: 2, reason: "it nests deeper than 1023 levels." }, "2"]);
  });
});

describe("CSV", () => {
  const csv = (text: string, header = true) => recordsOf(text, { format: "csv", header });

  it("makes objects of rows, by the first row's names", async () => {
    expect(await csv('name,"the age"\r\nAnn,41\r\n"Bo ""B"", jr.",\r\n')).toEqual([
      '{"name":"Ann","the age":"41"}',
      '{"name":"Bo \\"B\\", jr.","the age":""}',
    ]);
  });

  it("makes arrays of rows without a header, of any length", async () => {
    expect(await csv("a,b\n\n1,2,3", false)).toEqual(['["a","b"]', '["1","2","3"]']);
  });

  it("keeps line breaks in quotes, and counts lines through them", async () => {
    expect(await csv('a,b\n"1\n2",3\n4\n5,6')).toEqual([
      '{"a":"1\\n2","b":"3"}',
      { line: 4, reason: "it has 1 fields, and the header 2." },
      '{"a":"5","b":"6"}',
    ]);
  });

  it("takes a row with too many fields, or text behind a quote, as bad records", async () => {
    expect(await csv('a,b\n1,2,3\n"x"y,2\n5,6"7"')).toEqual([
      { line: 2, reason: "it has 3 fields, and the header 2." },
      { line: 3, reason: '"y,2" stands behind a closing quote.' },
      '{"a":"5","b":"6\\"7\\""}',
    ]);
  });

  it("names the line of a quote that is never closed", async () => {
    expect(await csv('a\n1\n"2\n3\n')).toEqual([
      '{"a":"1"}',
      { line: 3, reason: "a quote in it is never closed." },
    ]);
  });

  it("is no input at all with a header that names a field twice", async () => {
    await expect(csv("a,a\n1,2")).rejects.toThrow(InvalidBody);
    await expect(csv("a,__proto__\n1,2")).rejects.toThrow(/__proto__/);
  });
});

describe("one JSON array", () => {
  const json = (text: string) => recordsOf(text, { format: "json" });

  it("yields its elements, none of an empty one", async () => {
    expect(await json(' [ 1, "a,]\\"", {"b":[2,3]} ]\n')).toEqual(["1", '"a,]\\""', '{"b":[2,3]}']);
    expect(await json("[ ]")).toEqual([]);
  });

  it("goes on behind an element that is not valid", async () => {
    expect(await json("[1,\n x,\n ,4]")).toEqual([
      "1",
      { line: 2, reason: expect.stringContaining("not valid JSON") },
      { line: 3, reason: expect.stringContaining("not valid JSON") },
      "4",
    ]);
  });

  it("tells where it ends too soon, goes on too long, or is none", async () => {
    expect(await json("[1,\n2")).toEqual(["1", { line: 2, reason: "the input ends within the array." }]);
    expect(await json("[1]\n 2 3")).toEqual(["1", { line: 2, reason: "it stands behind the array." }]);
    expect(await json('\n{"a":1}')).toEqual([{ line: 2, reason: "the input is no JSON array." }]);
    expect(await json("")).toEqual([{ line: 1, reason: "the input is no JSON array." }]);
  });
});

describe("gzip", () => {
  it("is inflated, also where several files were put together", async () => {
    const packed = Buffer.concat([gzipSync("1\n2\n"), gzipSync("3\n")]);
    expect(await recordsOf(packed, { format: "ndjson" })).toEqual(["1", "2", "3"]);
  });

  it("that is cut short gives what stands before the cut, and one bad record with its line", async () => {
    const text = Array.from({ length: 50_000 }, (_, i) => String((i * 7919) % 100_003)).join("\n");
    const packed = gzipSync(text);
    const records = await recordsOf(packed.subarray(0, packed.length / 2), { format: "ndjson" });
    const bad = records.pop();
    expect(records.length).toBeGreaterThan(10_000);
    expect(records).toEqual(text.split("\n").slice(0, records.length));
    expect(bad).toEqual({
      line: records.length + 1,
      reason: expect.stringContaining("cut short or damaged"),
    });
  });
});
