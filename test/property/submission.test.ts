import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { planJob } from "../../src/domain/plan.ts";
import { MusterError } from "../../src/errors.ts";
import { encodeDeadLetter } from "../../src/protocol/dead-letter.ts";
import { isToken } from "../../src/protocol/names.ts";
import { headerName, OPTION_NAMES } from "../../src/protocol/options.ts";
import { decodeItems, encodeItems, encodeSpec, SpecDecoder } from "../../src/protocol/spec.ts";
import {
  jobOfKey,
  jobOfMessage,
  keyOf,
  parseSubmission,
  type Submission,
} from "../../src/protocol/submission.ts";

const PRISTINE = Object.getOwnPropertyNames(Object.prototype).sort();

afterEach(() => {
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(PRISTINE);
  expect(Object.keys(Array.prototype)).toEqual([]);
});

/** The submission, or the error that says what is wrong with it; anything else thrown is a bug. */
function read(data: Uint8Array, headers: Record<string, string>, kind = "double"): Submission | MusterError {
  try {
    const submission = parseSubmission(kind, data, headers);
    planJob(submission, { job: "job", submitted: 0, reply: undefined });
    return submission;
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    expect(error.status).toBeGreaterThanOrEqual(400);
    expect(error.status).toBeLessThan(500);
    expect(error.message.length).toBeLessThan(1_000);
    return error;
  }
}

const nasty = fc.constantFrom(
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "then",
  "length",
  "\ud800",
  "\udfff\ud800",
  "\u0000",
  "\u2028",
  "\ufeff",
  "items",
  "1e999",
  '"',
  "\\",
);
const inputKeys = [
  "items",
  "range",
  "object",
  "value",
  "format",
  "from",
  "to",
  "step",
  "name",
  "params",
  "top-k",
];
const key = fc.oneof(fc.constantFrom(...inputKeys, ...OPTION_NAMES), nasty, fc.string());

/** JSON text of any shape: keys may come twice, numbers may be of any length, strings may hold half a surrogate pair. */
const { json } = fc.letrec<{ json: string; scalar: string; array: string; object: string }>((tie) => ({
  json: fc.oneof({ maxDepth: 4, depthSize: "small" }, tie("scalar"), tie("array"), tie("object")),
  scalar: fc.oneof(
    fc.constantFrom(
      "null",
      "true",
      "false",
      "-0",
      "0.1000000000000000055",
      "1e999",
      "-1E-999",
      "9007199254740993",
    ),
    fc.constantFrom('"auto"', '"sum"', '"10m"', '"high"', '"top-k:3"', '"B/n"', '"lines"', "5", "100"),
    fc.bigInt().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
    fc.oneof(nasty, fc.string({ unit: "binary" })).map((value) => JSON.stringify(value)),
    fc.constantFrom('"\\ud800"', '"\\u0000"', '"\\/"', '"\\u005f_proto__"'),
  ),
  array: fc.array(tie("json"), { maxLength: 6 }).map((parts) => `[${parts.join(",")}]`),
  object: fc
    .array(fc.tuple(key, tie("json")), { maxLength: 6 })
    .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(", ")}}`),
}));

const headerText = fc.oneof(
  fc.string(),
  fc.constantFrom("5", "auto", "sum", "1m", "", "continue", '{"top-k":{"k":2}}'),
);
const headers = fc.dictionary(
  fc.oneof(
    fc.constantFrom(...OPTION_NAMES).map(headerName),
    fc.constantFrom(...OPTION_NAMES).map((name) => `muster-${name}`),
    fc.constantFrom("Nats-Msg-Id", "nats-msg-id", "Muster-", "MUSTER-JOB", "Muster-__proto__", "__proto__"),
    fc.string(),
  ),
  headerText,
  { maxKeys: 3 },
);

const valid = fc.constantFrom(
  '[1,2.50,"x",{"a":[null]}]',
  '{"items":[1,2,3],"chunk":2,"reduce":"sum","onError":"continue"}',
  '{"range":{"from":0,"to":1000000,"step":3},"window":8,"timeout":"5s"}',
  '{"object":"BUCKET/NAME","format":"lines","deadline":"10m","priority":"low"}',
  '{"value":{"deep":[[[]]]},"key":"k","maxAttempts":2,"delay":"1s","backoff":5}',
);

describe("a submission", () => {
  it("of any bytes is read, or refused with an error of muster's own", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), headers, (data, fields) => {
        read(data, fields);
      }),
      { numRuns: 500 },
    );
  });

  it("of any JSON is read, or refused with an error of muster's own", () => {
    const seen = { read: 0, refused: 0 };
    fc.assert(
      fc.property(json, headers, (text, fields) => {
        seen[read(Buffer.from(text), fields) instanceof MusterError ? "refused" : "read"]++;
      }),
      { numRuns: 2_000 },
    );
    expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(20);
  });

  it("that was valid before some bytes of it changed is read, or refused", () => {
    const change = fc.record({
      at: fc.nat(200),
      cut: fc.nat(3),
      put: fc.oneof(
        fc.string({ maxLength: 3 }),
        nasty,
        fc.constantFrom("[", "]", "{", "}", ",", ":", "1e400", "-", "."),
      ),
    });
    fc.assert(
      fc.property(valid, fc.array(change, { minLength: 1, maxLength: 4 }), (text, changes) => {
        let bytes = Buffer.from(text);
        for (const { at, cut, put } of changes) {
          const place = at % (bytes.length + 1);
          bytes = Buffer.concat([bytes.subarray(0, place), Buffer.from(put), bytes.subarray(place + cut)]);
        }
        read(bytes, {});
      }),
      { numRuns: 2_000 },
    );
  });

  it("of any kind is read only where the kind can stand in a subject", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\w-]{1,70}$/)), (kind) => {
        expect(read(Buffer.from("[1]"), {}, kind) instanceof MusterError).toBe(!isToken(kind));
      }),
    );
  });

  it.each([
    "[".repeat(500_000),
    `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    '{"items":'.repeat(50_000),
    `[${"9".repeat(500_000)}]`,
    `{"items":[1],"reduce":${'{"name":'.repeat(900)}1${"}".repeat(900)}}`,
    `{"items":[1],"${"k".repeat(500_000)}":1}`,
    `[${'"\\\\'.repeat(100_000)}`,
    `[1${",1".repeat(200_000)}]`,
  ])("that is meant to hurt does not (%#)", (text) => {
    read(Buffer.from(text), {});
  });
});

describe("the items", () => {
  it("keep their texts to the letter", () => {
    const item = fc.oneof(
      fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n }).map(String),
      fc.tuple(fc.nat(999), fc.stringMatching(/^\d{1,40}$/)).map(([whole, rest]) => `${whole}.${rest}`),
      fc
        .tuple(fc.nat(9), fc.integer({ min: -400, max: 290 }))
        .map(([digit, power]) => `${digit}.50E${power}`),
      // Integers beyond 2^53 are refused, in whatever they stand.
      fc
        .jsonValue({ stringUnit: "binary" })
        .map((value) => JSON.stringify(value, null, 1))
        .filter((text) => !/(?<!\.\d*)\d{16}/.test(text)),
      fc.constantFrom('"\\u00e9"', '"\\ud83d"', '"\\/"', "-0", "-0.0", "[ ]", '{"a" : 1,"a":2}'),
    );
    fc.assert(
      fc.property(fc.array(item), fc.constantFrom("", " ", "\n\t"), (items, space) => {
        fc.pre(!items.some((text) => /__proto__|constructor/.test(text)));
        const array = `[${space}${items.join(`${space},${space}`)}${space}]`;
        const wanted = { type: "items", items };
        expect(parseSubmission("k", Buffer.from(array), {}).input).toEqual(wanted);
        const object = `${space}{"chunk":1,"items"${space}:${space}${array}${space}}`;
        expect(parseSubmission("k", Buffer.from(object), {}).input).toEqual(wanted);
        for (const text of items) {
          const { input } = parseSubmission("k", Buffer.from(`{"value":${space}${text}${space}}`), {});
          expect(input).toEqual({ type: "items", items: [text] });
          // A dead letter holds the text, too.
          const letter = { job: "j", kind: "k", index: 0, code: "c", message: "m", attempts: 1, input: text };
          expect(String(encodeDeadLetter(letter).data).endsWith(`"input":${text}}`)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("headers", () => {
  it("win over the body, option by option", () => {
    const count = fc.integer({ min: 1, max: 1_000 });
    const some = fc.record(
      { chunk: count, window: count, maxAttempts: count, backoff: count },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(some, some, (inBody, inHeaders) => {
        const data = Buffer.from(JSON.stringify({ ...inBody, items: [1] }));
        const fields = Object.fromEntries(
          Object.entries(inHeaders).map(([name, value]) => [headerName(name), String(value)]),
        );
        expect(parseSubmission("k", data, fields).options).toMatchObject({ ...inBody, ...inHeaders });
      }),
    );
  });
});

describe("the job id", () => {
  it("of any key and of any message can stand in a subject, and is the same each time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.maxSafeNat(), fc.nat(8.64e15), (text, seq, time) => {
        for (const make of [() => jobOfKey(text), () => jobOfMessage({ seq, time })]) {
          expect(isToken(make())).toBe(true);
          expect(make()).toBe(make());
        }
      }),
      { numRuns: 500 },
    );
  });

  it("differs where the message or the key does", () => {
    const place = fc.record({ seq: fc.nat(1e6), time: fc.nat(1e6) });
    fc.assert(
      fc.property(place, place, (a, b) => {
        fc.pre(a.seq !== b.seq || a.time !== b.time);
        expect(jobOfMessage(a)).not.toBe(jobOfMessage(b));
      }),
    );
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        fc.pre(a !== b);
        expect(jobOfKey(a)).not.toBe(jobOfKey(b));
      }),
    );
  });

  it("follows from the very key that the options say, wherever it stands", () => {
    const spelt = fc.constantFrom("key", "\\u006bey", "k\\u0065y");
    const text = fc.oneof(fc.string({ minLength: 1, maxLength: 40 }), fc.constantFrom("a", "b"));
    const keyHeaders = fc.dictionary(
      fc.constantFrom(
        "Nats-Msg-Id",
        "nats-msg-id",
        "Muster-Key",
        "muster-key",
        "MUSTER-K-E-Y",
        "Muster-Chunk",
      ),
      fc.constantFrom("1", "2", "3", ""),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(spelt, text), { maxLength: 2 }),
        keyHeaders,
        fc.constantFrom("", "\ufeff", " "),
        (keys, fields, front) => {
          const members = keys.map(([name, value]) => `"${name}":${JSON.stringify(value)}`);
          const data = Buffer.from(`${front}{${[...members, '"items":[1]'].join(",")}}`);
          const submission = read(data, fields);
          if (submission instanceof MusterError) return;
          expect(keyOf(data, fields)).toBe(submission.options.key);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("is looked for in any bytes without a fault", () => {
    fc.assert(
      fc.property(fc.oneof(json.map(Buffer.from), fc.uint8Array()), headers, (data, fields) => {
        const found = keyOf(Buffer.from(data), fields);
        expect(found === undefined || (typeof found === "string" && found !== "")).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("item ranges and specs", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(
        fc.nat(1e9),
        fc.integer({ min: 1, max: 1e6 }),
        fc.option(fc.nat(1e9)),
        (from, count, more) => {
          const total = more === null ? undefined : from + count + more;
          expect(decodeItems(encodeItems({ from, count }, total))).toEqual({ from, count, total });
        },
      ),
    );
  });

  it("of planned jobs come back as they were", () => {
    fc.assert(
      fc.property(valid, fc.boolean(), (text, asks) => {
        const reply = asks ? ({ subject: "_INBOX.a.b", mode: "watch" } as const) : undefined;
        const identity = { job: "job", submitted: 1_767_225_600_000, reply };
        const { spec } = planJob(parseSubmission("k", Buffer.from(text), {}), identity);
        expect(new SpecDecoder().decode(encodeSpec(spec))).toEqual(spec);
      }),
    );
  });
});
