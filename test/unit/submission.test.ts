import { describe, expect, it } from "vitest";
import {
  InvalidBody,
  InvalidJson,
  InvalidName,
  type MusterError,
  UnknownOption,
  UnsafeNumber,
} from "../../src/errors.ts";
import { isToken } from "../../src/protocol/names.ts";
import { jobOfKey, jobOfMessage, keyOf, parseSubmission } from "../../src/protocol/submission.ts";

function parse(body: string | Uint8Array, headers: Record<string, string> = {}, kind = "double") {
  return parseSubmission(kind, typeof body === "string" ? Buffer.from(body) : body, headers);
}

const inputOf = (body: string) => parse(body).input;

describe("a body", () => {
  it("keeps the texts of its items as they were written", () => {
    const items = [
      "0.1000000000000000055",
      "1.0",
      "1e2",
      "-0",
      '"\\u00e9\\ud800"',
      '{"b":1, "a":[ 2 ]}',
      '"a,b]"',
      "null",
      "true",
    ];
    const input = { type: "items", items };
    expect(inputOf(`[${items.join(" ,\n ")}]`)).toEqual(input);
    expect(inputOf(`{"items": [${items.join(",")}]}`)).toEqual(input);
    expect(inputOf(`\ufeff [${items.join(",")}] `)).toEqual(input);
    for (const item of items)
      expect(inputOf(`{"value" : ${item} }`)).toEqual({ type: "items", items: [item] });
  });

  it.each([
    ["[]", []],
    ['{"items":[]}', []],
    ['{"items":[1],"items":[2]}', ["2"]],
    ['{"\\u0069tems":[7]}', ["7"]],
    ['{"value":[1,2]}', ["[1,2]"]],
    ['{"value":null}', ["null"]],
  ])("of %s has the items %j", (body, items) => expect(inputOf(body)).toEqual({ type: "items", items }));

  it.each([
    ['{"range":{"to":3}}', { start: 0, step: 1, count: 3 }],
    ['{"range":{"from":5,"to":0,"step":-2}}', { start: 5, step: -2, count: 3 }],
    ['{"range":{"from":5,"to":5}}', { start: 5, step: 1, count: 0 }],
    ['{"range":{"from":5,"to":4}}', { start: 5, step: 1, count: 0 }],
    ['{"range":{"to":9007199254740991}}', { start: 0, step: 1, count: Number.MAX_SAFE_INTEGER }],
  ])("of %s is a range", (body, range) => expect(inputOf(body)).toEqual({ type: "range", ...range }));

  it.each([
    ['{"object":"B/a/b.txt"}', { bucket: "B", name: "a/b.txt", format: "ndjson" }],
    ['{"object":"B/x","format":"lines"}', { bucket: "B", name: "x", format: "lines" }],
  ])("of %s is an object", (body, object) => expect(inputOf(body)).toEqual({ type: "object", ...object }));

  it.each<[string, new (...args: never[]) => MusterError, string]>([
    ["", InvalidBody, "The body is empty"],
    [" \n", InvalidBody, "The body is empty"],
    ["\ufeff", InvalidBody, "The body is empty"],
    ["[1,2", InvalidJson, "ends too early"],
    ["[1e999]", UnsafeNumber, "1e999"],
    ["[9007199254740993]", UnsafeNumber, "9007199254740993"],
    ["5", InvalidBody, "for a single item send [5]"],
    ["null", InvalidBody, "neither a JSON array"],
    ['"x"', InvalidBody, 'send ["x"]'],
    ["{}", InvalidBody, "no input: give one of items, range, object, split, value."],
    ['{"item":[1]}', InvalidBody, 'Did you mean "items" where you wrote "item"?'],
    ['{"items":[1],"range":{"to":1}}', InvalidBody, "items and range: give one of them"],
    ['{"items":5}', InvalidBody, '"items" must be an array'],
    ['{"items":{"0":1}}', InvalidBody, '"items" must be an array'],
    ['{"range":5}', InvalidBody, '"range" must be'],
    ['{"range":null}', InvalidBody, '"range" must be'],
    ['{"range":[0,5]}', InvalidBody, '"range" takes from, to and step'],
    ['{"range":{}}', InvalidBody, '"range.to" must be an integer, not missing'],
    ['{"range":{"to":1.5}}', InvalidBody, '"range.to" must be an integer, not 1.5'],
    ['{"range":{"to":"5"}}', InvalidBody, '"range.to" must be an integer, not "5"'],
    ['{"range":{"to":5,"step":0}}', InvalidBody, '"range.step" must not be 0'],
    ['{"range":{"to":5,"step":-0}}', InvalidBody, '"range.step" must not be 0'],
    ['{"range":{"to":5,"stop":1}}', InvalidBody, 'not "stop"'],
    ['{"range":{"from":-1,"to":9007199254740991}}', InvalidBody, "more than 9007199254740991 items"],
    ['{"object":"B"}', InvalidBody, '"object" must be'],
    ['{"object":"/x"}', InvalidBody, '"object" must be'],
    ['{"object":"B/"}', InvalidBody, '"object" must be'],
    ['{"object":5}', InvalidBody, '"object" must be'],
    ['{"object":"B/x","format":"xml"}', InvalidBody, '"format" must be one of ndjson, lines'],
    ['{"items":[1],"chunks":1}', UnknownOption, 'Did you mean "chunk"?'],
    ['{"items":[1],"constructor":1}', UnknownOption, "constructor"],
  ])("of %j is refused", (body, error, said) => {
    expect(() => parse(body)).toThrow(error);
    expect(() => parse(body)).toThrow(said);
  });

  it.each(["a.b", "", "*", "a b", "x".repeat(65)])("is not read for the kind %j", (kind) => {
    expect(() => parse("[1]", {}, kind)).toThrow(InvalidName);
  });

  it("is read from the middle of a larger buffer", () => {
    const bytes = Buffer.from("xx[1,2]yy");
    expect(parse(new Uint8Array(bytes.buffer, bytes.byteOffset + 2, 5)).input).toMatchObject({
      items: ["1", "2"],
    });
  });

  it("is quoted in errors only in part: they travel in headers", () => {
    const long = `"${"x".repeat(200_000)}"`;
    for (const body of [
      long,
      `{"range":{"to":${long}}}`,
      `{"range":{"to":1,${long}:1}}`,
      `{"items":[1],${long}:1}`,
      `{${long}:[1]}`,
      `[${long}`,
      `{"items":[1],"delay":${long}}`,
      `{"items":[1],"priority":${long}}`,
    ]) {
      expect(() => parse(body)).toThrow(
        expect.objectContaining({ message: expect.stringMatching(/^.{1,400}$/s) }),
      );
    }
  });
});

describe("options", () => {
  it("stand beside the input, or in headers, and headers win", () => {
    const body = '{"items":[1],"chunk":5,"reduce":"sum","key":"body"}';
    const { options } = parse(body, { "Muster-Chunk": "7", "Nats-Msg-Id": "header" });
    expect(options).toMatchObject({ chunk: 7, reduce: "sum", key: "header" });
    expect(parse("[1]", { "muster-reduce": "max" }).options.reduce).toBe("max");
  });

  it("are refused in headers as in bodies", () => {
    expect(() => parse("[1]", { "Muster-Chunks": "7" })).toThrow(UnknownOption);
    expect(() => parse('{"items":[1],"chunk":5}', { "Muster-Chunk": "x" })).toThrow('Option "chunk"');
  });

  it("that the body names wrongly are no matter where a header has them right", () => {
    expect(parse('{"items":[1],"chunk":"x"}', { "Muster-Chunk": "3" }).options.chunk).toBe(3);
  });
});

describe("job ids", () => {
  it("are the key where it can stand in a subject, else a hash of it", () => {
    expect(jobOfKey("order-17")).toBe("order-17");
    const hashed = ["order 17", "order.17", "", "x".repeat(65), "ü", "\u0000"].map(jobOfKey);
    expect(new Set(hashed).size).toBe(hashed.length);
    for (const job of hashed) expect(isToken(job)).toBe(true);
    // The same for ever: a key must name the same job after an update.
    expect(jobOfKey("order 17")).toBe("kC8ySDjk4wbhuNIP8mIjG1tEw");
  });

  it("of messages say where they are stored, and differ where that does", () => {
    const job = jobOfMessage({ seq: 35, time: 36 });
    expect(job).toBe("10-z");
    expect(jobOfMessage({ seq: Number.MAX_SAFE_INTEGER, time: 8.64e15 }).length).toBeLessThanOrEqual(64);
  });

  it.each<[string, Record<string, string>, string | undefined]>([
    ['{"items":[1],"key":"b"}', {}, "b"],
    ['\ufeff{"items":[1],"key":"b"}', {}, "b"],
    ['{"items":[1],"\\u006bey":"b"}', {}, "b"],
    ['{"key":"a","items":[1],"key":"b"}', {}, "b"],
    ['{"items":[1],"key":"b"}', { "Nats-Msg-Id": "h" }, "h"],
    ['{"items":[1],"key":"b"}', { "Nats-Msg-Id": "" }, "b"],
    ["[1]", { "Nats-Msg-Id": "h", "Muster-Key": "k" }, "k"],
    ['[{"key":"b"}]', {}, undefined],
    ['{"items":[{"key":"b"}]}', {}, undefined],
    ['{"items":[1],"key":5}', {}, undefined],
    ['{"items":[1],"key":"b"', {}, undefined],
    ['"key"', {}, undefined],
    ['null "key"', {}, undefined],
    ['[1,"\\u"]', {}, undefined],
  ])("come from the key of %j with %j: %s", (body, headers, key) => {
    expect(keyOf(Buffer.from(body), headers)).toBe(key);
  });
});
