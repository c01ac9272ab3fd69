import { headers as createHeaders } from "nats";
import { describe, expect, it } from "vitest";
import { InvalidBody } from "../../src/errors.ts";
import { encodeDeadLetter } from "../../src/protocol/dead-letter.ts";
import { type Failure, MAX_NAMED_FAILURES } from "../../src/protocol/failure.ts";
import {
  decodeResult,
  decodeTask,
  encodeResult,
  encodeTask,
  type Received,
  type Result,
} from "../../src/protocol/messages.ts";
import { HEADER } from "../../src/protocol/names.ts";
import {
  decodeOutcome,
  encodeOutcome,
  errorBody,
  type Outcome,
  oneLine,
} from "../../src/protocol/outcome.ts";
import { decodeItems, encodeSpec, type JobSpec, SpecDecoder } from "../../src/protocol/spec.ts";

const SPEC: JobSpec = {
  job: "j1",
  kind: "double",
  priority: "normal",
  reduce: { name: "sum", params: {} },
  backoffMs: 100,
  onError: "fail",
  submitted: 1_767_225_600_000,
};

const RESULT: Result = {
  spec: SPEC,
  from: 10,
  count: 5,
  partial: "[1]",
  failures: [],
  handlerMs: 1.25,
  worker: "w1",
};

const OUTCOME: Outcome = {
  job: "j1",
  kind: "double",
  state: "succeeded",
  counts: { items: 5, failed: 0, tasks: 2, duplicates: 1, handlerMs: 12.5 },
  times: { submitted: 1_000, started: 2_000, finished: 3_000 },
  body: "[1,2]",
  failures: [],
};

function failureOf(index: number, message = "no"): Failure {
  return { index, code: "handler_failed", message, attempts: 3 };
}

function received({
  headers,
  data,
}: {
  headers: Record<string, string>;
  data: string | Uint8Array;
}): Received {
  return { subject: "muster.x.j1", headers, data: Buffer.from(data) };
}

describe("a task", () => {
  it("is items as a JSON array, with its range and its job in headers", () => {
    const { headers, data } = encodeTask({
      spec: { ...SPEC, total: 100 },
      from: 10,
      count: 2,
      items: "[1,2]",
    });
    expect(data).toBe("[1,2]");
    expect(headers).toEqual({
      "Muster-Items": "10-11/100",
      "Muster-Spec": JSON.stringify({ ...SPEC, total: 100 }),
    });
  });

  it("tells the total as soon as it is known, though its spec was written before", () => {
    const task = { spec: { ...SPEC, total: 12 }, from: 10, count: 2, items: "" };
    const { headers, data } = encodeTask(task, encodeSpec(SPEC));
    expect(decodeTask(received({ headers, data }), new SpecDecoder()).spec.total).toBe(12);
    const open = encodeTask({ ...task, spec: SPEC }, encodeSpec(SPEC));
    expect(decodeTask(received(open), new SpecDecoder()).spec.total).toBeUndefined();
  });
});

describe("a result", () => {
  const roundTrip = (result: Result) => decodeResult(received(encodeResult(result)), new SpecDecoder());

  it("comes back as it was", () => {
    expect(roundTrip(RESULT)).toEqual(RESULT);
    expect(roundTrip({ ...RESULT, object: "j1-part-10-5", partial: "" })).toMatchObject({
      object: "j1-part-10-5",
    });
  });

  it("comes back with its failures, whatever stands in their messages", () => {
    const failures = ["a\nb\r\nc", 'say "no"', "äöü 𝒳", "\ud800", ""].map((text, at) =>
      failureOf(10 + at, text),
    );
    const result = { ...RESULT, failures, partial: '{"a":"\\n"}\n' };
    expect(roundTrip(result)).toEqual({ ...result, failed: 5 });
  });

  it("names the first few failures and counts them all: a chunk may have more than a message can hold", () => {
    const count = 100_000;
    const failures = Array.from({ length: count }, (_, at) => failureOf(at, "m".repeat(50)));
    const back = roundTrip({ ...RESULT, from: 0, count, failures });
    expect(back.failed).toBe(count);
    expect(back.failures).toEqual(failures.slice(0, MAX_NAMED_FAILURES));
    expect(back.partial).toBe("[1]");
  });

  it.each(["ü", "\u0001", "\ud800", "文"])(
    "names fewer failures where they are long, the first one at any rate (%j)",
    (c) => {
      const failures = Array.from({ length: 5 }, (_, at) => failureOf(10 + at, c.repeat(2_048)));
      const { data } = encodeResult({ ...RESULT, failures });
      expect(Buffer.byteLength(data)).toBeLessThan(7 * 1024);
      const back = roundTrip({ ...RESULT, failures });
      expect(back.failed).toBe(5);
      expect(back.failures[0]).toEqual(failureOf(10, c.repeat(1_000)));
    },
  );

  it.each<[string, Record<string, string>, string]>([
    ["no spec", { "Muster-Spec": "" }, ""],
    ["a spec that is no JSON", { "Muster-Spec": "{" }, ""],
    ["a spec of null", { "Muster-Spec": "null" }, ""],
    ["a spec of nothing", { "Muster-Spec": "{}" }, ""],
    ["a job that is no token", { "Muster-Spec": JSON.stringify({ ...SPEC, job: "a.b" }) }, ""],
    ["a job with a line break", { "Muster-Spec": JSON.stringify({ ...SPEC, job: "a\nb" }) }, ""],
    ["a kind that is a wildcard", { "Muster-Spec": JSON.stringify({ ...SPEC, kind: "*" }) }, ""],
    ["a time that is none", { "Muster-Spec": JSON.stringify({ ...SPEC, submitted: 1e300 }) }, ""],
    ["a total that is none", { "Muster-Spec": JSON.stringify({ ...SPEC, total: "5" }) }, ""],
    [
      "a reply with a space",
      { "Muster-Spec": JSON.stringify({ ...SPEC, reply: { subject: "a b", mode: "run" } }) },
      "",
    ],
    ["a reply to nobody", { "Muster-Spec": JSON.stringify({ ...SPEC, reply: null }) }, ""],
    ["no items", { "Muster-Items": "" }, ""],
    ["items that end before they begin", { "Muster-Items": "5-4/10" }, ""],
    ["items beyond the end", { "Muster-Items": "5-10/10" }, ""],
    ["items beyond all numbers", { "Muster-Items": "0-9999999999999999/*" }, ""],
    ["a negative item", { "Muster-Items": "-1-4/10" }, ""],
    ["failures that are missing", { "Muster-Failed": "1" }, "[1]"],
    ["failures that are no list", { "Muster-Failed": "1" }, "5\n[1]"],
    ["failures of nothing", { "Muster-Failed": "1" }, "[null]\n[1]"],
    ["no failures where there are some", { "Muster-Failed": "1" }, "[]\n[1]"],
    ["a failure that is half", { "Muster-Failed": "1" }, '[{"index":10,"code":"c"}]\n[1]'],
    ["a failure of another chunk", { "Muster-Failed": "1" }, `${JSON.stringify([failureOf(15)])}\n[1]`],
    [
      "more failures than it says",
      { "Muster-Failed": "1" },
      `${JSON.stringify([failureOf(10), failureOf(11)])}\n[1]`,
    ],
    ["more failures than items", { "Muster-Failed": "6" }, `${JSON.stringify([failureOf(10)])}\n[1]`],
    [
      "a number of failures that is none",
      { "Muster-Failed": "many" },
      `${JSON.stringify([failureOf(10)])}\n[1]`,
    ],
  ])("is refused with %s", (_, headers, data) => {
    const message = received({ headers: { ...encodeResult(RESULT).headers, ...headers }, data });
    expect(() => decodeResult(message, new SpecDecoder())).toThrow(InvalidBody);
  });

  it.each(["NaN", "-5", "1e999", "", "soon"])("counts no handler time of %j", (text) => {
    const { headers, data } = encodeResult(RESULT);
    const message = received({ headers: { ...headers, "Muster-Handler-Ms": text }, data });
    expect(decodeResult(message, new SpecDecoder()).handlerMs).toBe(0);
  });

  it("may have items up to the largest number that is exact", () => {
    const most = Number.MAX_SAFE_INTEGER;
    expect(decodeItems(`0-${most - 1}/${most}`)).toEqual({ from: 0, count: most, total: most });
  });
});

describe("the decoder of specs", () => {
  it("gives the same spec for the same text, and keeps a few only", () => {
    const decoder = new SpecDecoder(2);
    const text = encodeSpec(SPEC);
    const first = decoder.decode(text);
    expect(decoder.decode(text)).toBe(first);
    for (const job of ["a", "b", "c"]) decoder.decode(encodeSpec({ ...SPEC, job }));
    expect(decoder.decode(text)).not.toBe(first);
    expect(decoder.decode(text)).toEqual(first);
  });
});

describe("an outcome", () => {
  const roundTrip = (outcome: Outcome) => decodeOutcome(received(encodeOutcome(outcome)));

  it("comes back as it was", () => {
    expect(roundTrip(OUTCOME)).toEqual(OUTCOME);
    const { started: _, ...times } = OUTCOME.times;
    expect(roundTrip({ ...OUTCOME, times })).toEqual({ ...OUTCOME, times });
    const error = { code: "handler_failed", message: "line 1\nline 2 ü", path: "items[3]", status: 500 };
    const { status: ______, ...shape } = error;
    const failed: Outcome = {
      ...OUTCOME,
      state: "failed",
      error,
      body: errorBody(shape, [failureOf(3, "ü\n𝒳")]),
      failures: [failureOf(3, "ü\n𝒳")],
    };
    expect(roundTrip(failed)).toEqual(failed);
  });

  it("says its error as NATS services do: a sentence on one line, and a number", () => {
    const error = { code: "x", message: "  first\r\n\tsecond \u001b[31mred\u0000 ", status: 422 };
    const { headers } = encodeOutcome({ ...OUTCOME, state: "failed", error, body: "{}" });
    expect(headers["Nats-Service-Error"]).toBe("first second [31mred");
    expect(headers["Nats-Service-Error-Code"]).toBe("422");
  });

  it("is not too large to store by its headers, whatever failed", () => {
    const failures = Array.from({ length: MAX_NAMED_FAILURES }, (_, at) =>
      failureOf(at, "ü\u0001𝒳".repeat(700)),
    );
    const error = { code: "x", message: "𝒳".repeat(5_000), status: 500 };
    const { headers } = encodeOutcome({ ...OUTCOME, state: "failed", error, failures });
    const bytes = Object.entries(headers).reduce(
      (sum, [name, text]) => sum + Buffer.byteLength(name + text) + 4,
      0,
    );
    expect(bytes).toBeLessThan(16 * 1024);
    const [first, second] = decodeOutcome(received({ headers, data: "" })).failures;
    expect(first?.message).toBe("ü\u0001𝒳".repeat(50));
    expect(second?.index).toBe(1);
  });

  it("that nobody of ours wrote reads as a failed one, and can be written again", () => {
    for (const headers of [
      {},
      { "Muster-State": "odd", "Muster-Items": "x", "Muster-Errors": "5", "Muster-Submitted": "y" },
    ]) {
      for (const data of ["", "null", "5", '{"error":5}', '{"error":{"code":5}}', "\u0000"]) {
        const fields = { ...headers, "Nats-Service-Error-Code": "x", "Nats-Service-Error": "sorry" };
        const outcome = decodeOutcome(received({ headers: fields, data }));
        expect(outcome).toMatchObject({ job: "j1", state: "failed", failures: [] });
        expect(outcome.error).toEqual({ code: "unexpected", message: "sorry", status: 0 });
        expect(() => encodeOutcome(outcome)).not.toThrow();
      }
    }
  });
});

describe("a sentence in a header", () => {
  it.each([
    ["a\nb", "a b"],
    ["\r\n a \u2028\u0085 b \r\n", "a b"],
    ["\u0000\u0007a\u007f", "a"],
    ["a\ud800b", "a b"],
    [`${"x".repeat(499)}𝒳`, "x".repeat(499)],
    [`${"x".repeat(499)} y`, "x".repeat(499)],
    ["", ""],
  ])("%j is %j", (text, line) => expect(oneLine(text)).toBe(line));

  it("is what a NATS client takes and gives back", () => {
    const fields = createHeaders();
    fields.set(HEADER.serviceError, oneLine(" ü\n𝒳 "));
    expect(fields.get(HEADER.serviceError)).toBe("ü 𝒳");
    expect(() => fields.set(HEADER.serviceError, "a\nb")).toThrow();
  });
});

describe("a dead letter", () => {
  it("holds the item as it was written", () => {
    const letter = { ...failureOf(7, "a\nb"), job: "j1", kind: "double", input: "1.0000000000000000001" };
    const { headers, data } = encodeDeadLetter(letter);
    expect(data).toBe(
      '{"index":7,"attempts":3,"error":{"code":"handler_failed","message":"a\\nb"},"input":1.0000000000000000001}',
    );
    expect(headers).toEqual({
      "Muster-Job": "j1",
      "Muster-Kind": "double",
      "Muster-Index": "7",
      "Muster-Attempts": "3",
    });
  });

  it("holds no item where that was too large to keep, which is not the same as null", () => {
    const letter = { ...failureOf(7), job: "j1", kind: "double" };
    const bodyOf = (input: string | undefined) =>
      JSON.parse(String(encodeDeadLetter({ ...letter, input }).data));
    expect("input" in bodyOf(undefined)).toBe(false);
    expect(bodyOf("null")).toMatchObject({ input: null });
  });
});
