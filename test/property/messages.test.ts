import fc from "fast-check";
import { headers as createHeaders } from "nats";
import { describe, expect, it } from "vitest";
import { type ErrorShape, InvalidBody } from "../../src/errors.ts";
import { encodeDeadLetter } from "../../src/protocol/dead-letter.ts";
import { type Failure, MAX_NAMED_FAILURES } from "../../src/protocol/failure.ts";
import {
  decodeResult,
  decodeTask,
  type Encoded,
  encodeResult,
  encodeTask,
  type Received,
} from "../../src/protocol/messages.ts";
import { HEADER, PRIORITIES } from "../../src/protocol/names.ts";
import {
  decodeOutcome,
  encodeOutcome,
  errorBody,
  OUTCOME_STATES,
  type Outcome,
} from "../../src/protocol/outcome.ts";
import { decodeProgress, encodeProgress } from "../../src/protocol/progress.ts";
import { encodeSpec, type JobSpec, SpecDecoder } from "../../src/protocol/spec.ts";

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const time = fc.nat(4e12);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const ms = fc.nat(1e9).map((micros) => micros / 1_000);

/** Messages as people, machines and attackers write them. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.string({ unit: "grapheme", maxLength: 30 }),
  fc.constantFrom(
    "a\nb",
    "\r\n",
    "Nats-X: y\r\n\r\nPUB z 0",
    "\ud800",
    "𝒳".repeat(300),
    "\u0000\u001b[2J",
    " ",
    "ü",
  ),
);

/** Leaves out what is undefined: `{a: undefined}` and `{}` are the same message. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

const spec: fc.Arbitrary<JobSpec> = fc
  .record({
    job: token,
    kind: token,
    priority: fc.constantFrom(...PRIORITIES),
    reduce: fc.record({
      name: fc.constantFrom("sum", "collect", "top-k"),
      params: fc.dictionary(token, fc.nat()),
    }),
    backoffMs: fc.nat(),
    onError: fc.constantFrom("fail" as const, "continue" as const),
    submitted: time,
    maxAttempts: optional(fc.integer({ min: 1, max: 1000 })),
    timeoutMs: optional(fc.nat()),
    deadline: optional(time),
    range: optional(fc.record({ start: fc.integer(), step: fc.integer() })),
    reply: optional(
      fc.record({ subject: fc.constantFrom("_INBOX.a.b", "x"), mode: fc.constantFrom("run", "watch") }),
    ),
  })
  .map((fields) => defined(fields) as JobSpec);

const range = fc.record({
  from: fc.nat(1e9),
  count: fc.integer({ min: 1, max: 1e6 }),
  more: optional(fc.nat(1e6)),
});

/** A spec whose total fits the range: what a task or result of that job has. */
const placed = fc.tuple(spec, range).map(([each, { from, count, more }]) => ({
  from,
  count,
  spec: more === undefined ? each : { ...each, total: from + count + more },
}));

const failure = (from: number, count: number): fc.Arbitrary<Failure> =>
  fc.record({
    index: fc.integer({ min: from, max: from + count - 1 }),
    code: fc.constantFrom("handler_failed", "poison_task"),
    message: text,
    attempts: fc.integer({ min: 1, max: 9 }),
  });

/** As a broker would deliver it: through the client library's own headers, in bytes. */
function delivered({ headers, data }: Encoded): Received {
  const fields = createHeaders();
  for (const name in headers) fields.set(name, headers[name] ?? "");
  const read = fields.keys().map((name) => [name, Buffer.from(fields.get(name)).toString("utf8")]);
  return { subject: "muster.x.job", headers: Object.fromEntries(read), data: Buffer.from(data) };
}

describe("messages come back from the wire as they were", () => {
  it("tasks", () => {
    fc.assert(
      fc.property(placed, fc.array(fc.jsonValue()), (place, items) => {
        const task = { ...place, items: JSON.stringify(items) };
        const {
          items: bytes,
          specText,
          ...back
        } = decodeTask(delivered(encodeTask(task)), new SpecDecoder());
        expect({ ...back, items: String(bytes) }).toEqual(task);
        expect(specText).toBe(encodeSpec(task.spec));
      }),
    );
  });

  const digest = fc.stringMatching(/^[0-9a-f]{16}$/);
  const word = fc.nat(0xffff_ffff);
  const words = fc.tuple(word, word);
  const tally = fc.record({
    outputs: fc.nat(),
    attempts: fc.nat(),
    inputDigest: words,
    outputDigest: words,
    began: fc.nat(),
    ended: fc.nat(),
    slots: fc.nat(),
  });

  it("results, their failures included", () => {
    const result = placed.chain(({ from, count, spec: ofJob }) =>
      fc.record({
        spec: fc.constant(ofJob),
        from: fc.constant(from),
        count: fc.constant(count),
        partial: fc.jsonValue({ stringUnit: "binary" }).map((value) => JSON.stringify(value)),
        failures: fc.uniqueArray(failure(from, count), { selector: ({ index }) => index, maxLength: 30 }),
        handlerMs: ms,
        worker: token,
        tally,
      }),
    );
    fc.assert(
      fc.property(result, optional(token), (each, object) => {
        const sent = object === undefined ? each : { ...each, object };
        const { failures, failed, ...back } = decodeResult(delivered(encodeResult(sent)), new SpecDecoder());
        const { failures: all, ...rest } = sent;
        expect(back).toEqual(rest);
        expect(failed ?? 0).toBe(all.length);
        expect(failures).toEqual(all.slice(0, failures.length));
        expect(failures.length).toBeGreaterThanOrEqual(Math.min(1, all.length));
        expect(failures.length).toBeLessThanOrEqual(MAX_NAMED_FAILURES);
      }),
    );
  });

  const outcome = fc
    .record({
      job: token,
      kind: token,
      state: fc.constantFrom(...OUTCOME_STATES),
      counts: fc.record({
        items: fc.nat(),
        failed: fc.nat(),
        tasks: fc.nat(),
        duplicates: fc.nat(),
        handlerMs: ms,
      }),
      times: fc.record({ submitted: time, started: optional(time), finished: time }).map(defined),
      object: optional(fc.constantFrom("MUSTER_OUTPUTS/x", "A/b c")),
      error: optional(
        fc.record({ code: token, message: text, path: optional(text), status: fc.nat(599) }).map(defined),
      ),
      failures: fc.array(failure(0, 100), { maxLength: MAX_NAMED_FAILURES }),
      receipt: optional(
        fc.record({
          outputs: fc.nat(),
          attempts: fc.nat(),
          inputDigest: digest,
          outputDigest: digest,
          began: fc.nat(),
          ended: fc.nat(),
          workers: fc.nat(),
          slots: fc.nat(),
          names: fc.array(token, { maxLength: 5 }),
        }),
      ),
    })
    .map((fields): Outcome => {
      const { error } = fields;
      if (error === undefined) return defined({ ...fields, body: "[1]" }) as Outcome;
      const { status: _, ...shape } = error;
      return defined({ ...fields, body: errorBody(shape as ErrorShape) }) as Outcome;
    });

  it("outcomes, their error and first failures included", () => {
    fc.assert(
      fc.property(outcome, (sent) => {
        const { failures, ...back } = decodeOutcome(delivered(encodeOutcome(sent)));
        const { failures: all, ...rest } = sent;
        expect(back).toEqual(rest);
        const short = all.map((each) => ({ ...each, message: each.message.slice(0, 200) }));
        expect(failures).toEqual(short.slice(0, failures.length));
        expect(failures.length).toBeGreaterThanOrEqual(Math.min(1, all.length));
      }),
      { numRuns: 300 },
    );
  });

  it("outcomes with headers that are exactly what was written, so that an actor knows its own again", () => {
    fc.assert(
      fc.property(outcome, (sent) => {
        const encoded = encodeOutcome(sent);
        expect(delivered(encoded).headers).toEqual(encoded.headers);
      }),
      { numRuns: 300 },
    );
  });

  it("progress, to the microsecond", () => {
    const line = fc.record({
      job: token,
      tasks: fc.nat(),
      items: fc.nat(),
      handlerMs: ms,
      bytes: fc.maxSafeNat(),
      failed: fc.nat(),
      state: optional(fc.constantFrom(...OUTCOME_STATES)),
    });
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        expect(decodeProgress(encodeProgress(lines))).toEqual(lines);
      }),
    );
  });

  it("dead letters, as JSON that everyone can read", () => {
    fc.assert(
      fc.property(failure(0, 1e6), token, fc.jsonValue(), (each, job, input) => {
        const letter = encodeDeadLetter({ ...each, job, kind: "k", input: JSON.stringify(input) });
        const { index, attempts, code, message } = each;
        expect(JSON.parse(String(delivered(letter).data))).toEqual(
          JSON.parse(JSON.stringify({ index, attempts, error: { code, message }, input })),
        );
      }),
    );
  });
});

describe("headers", () => {
  it("never hold a line break, nor what a terminal would act on", () => {
    fc.assert(
      fc.property(text, fc.array(failure(0, 100), { maxLength: 5 }), (message, failures) => {
        const outcome: Outcome = {
          job: "j",
          kind: "k",
          state: "failed",
          counts: { items: 0, failed: 0, tasks: 0, duplicates: 0, handlerMs: 0 },
          times: { submitted: 0, finished: 0 },
          body: "",
          error: { code: "c", message, status: 500 },
          failures,
        };
        const { headers } = encodeOutcome(outcome);
        for (const value of Object.values(headers)) expect(value).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029]/u);
        expect(headers[HEADER.errors] ?? "").toMatch(/^[ -~]*$/);
        expect(Object.values(headers).join("").length).toBeLessThan(8_000);
      }),
      { numRuns: 300 },
    );
  });
});

describe("what others send", () => {
  const header = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constantFrom(
      "0-4/10",
      "0-4/*",
      "7-3/9",
      "0-99999999999999999999/1",
      "1",
      "-1",
      "NaN",
      "1e999",
      "[]",
      "[null]",
    ),
    spec.map((each) => JSON.stringify(each)),
    fc
      .tuple(
        spec,
        fc.dictionary(
          fc.constantFrom("job", "kind", "total", "reply", "submitted", "reduce"),
          fc.jsonValue(),
        ),
      )
      .map(([each, odd]) => JSON.stringify({ ...each, ...odd })),
  );
  const fields = fc.dictionary(fc.constantFrom(...Object.values(HEADER)), header, { maxKeys: 12 });
  const body = fc.oneof(
    fc.uint8Array(),
    fc.string().map(Buffer.from),
    fc.json().map((each) => Buffer.from(`${each}\n1`)),
  );

  it("is a task or a result, or refused as invalid", () => {
    let refused = 0;
    fc.assert(
      fc.property(fields, body, optional(spec), (headers, data, ours) => {
        const own =
          ours === undefined ? {} : { [HEADER.spec]: JSON.stringify(ours), [HEADER.items]: "0-4/10" };
        const message = { subject: "muster.results.0.x", headers: { ...headers, ...own }, data };
        for (const decode of [decodeTask, decodeResult]) {
          try {
            const { from, count, spec: job } = decode(message, new SpecDecoder());
            expect(Number.isSafeInteger(from + count) && count > 0).toBe(true);
            expect(job.job).toMatch(/^[\w-]{1,64}$/);
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidBody);
            refused++;
          }
        }
      }),
      { numRuns: 1_000 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  it("reads as an outcome that can be handed on", () => {
    fc.assert(
      fc.property(fields, body, (headers, data) => {
        const outcome = decodeOutcome({ subject: "muster.outcomes.x", headers, data });
        expect(OUTCOME_STATES).toContain(outcome.state);
        expect(() => encodeOutcome(outcome)).not.toThrow();
      }),
      { numRuns: 1_000 },
    );
  });

  it("reads as progress only where it is some", () => {
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.record({ jobs: fc.oneof(fc.jsonValue(), fc.array(fc.array(fc.jsonValue(), { maxLength: 8 }))) }),
      fc.record({
        jobs: fc.array(fc.tuple(token, fc.double(), fc.integer(), fc.integer(), fc.integer(), fc.integer())),
      }),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          odd.map((value) => JSON.stringify(value)),
        ),
        (sent) => {
          for (const { job, state, ...numbers } of decodeProgress(sent)) {
            expect(typeof job).toBe("string");
            for (const value of Object.values(numbers))
              expect(Number.isFinite(value) && value >= 0).toBe(true);
            expect([undefined, ...OUTCOME_STATES]).toContain(state);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
