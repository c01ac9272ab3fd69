import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type JobPlan, planJob, SMALL_TASKS, totalOf } from "../../src/domain/plan.ts";
import { InvalidOption, UnknownReducer } from "../../src/errors.ts";
import { parseSubmission } from "../../src/protocol/submission.ts";

const IDENTITY = { job: "job1", submitted: 1_000_000, reply: undefined };

function plan(body: unknown, identity: Parameters<typeof planJob>[1] = IDENTITY): JobPlan {
  return planJob(parseSubmission("double", Buffer.from(JSON.stringify(body)), {}), identity);
}

const items = (count: number) => Array.from({ length: count }, (_, at) => at);

describe("the plan of a job", () => {
  it("fills in what a job does not say", () => {
    expect(plan([1, 2, 3])).toEqual({
      spec: {
        job: "job1",
        kind: "double",
        priority: "normal",
        total: 3,
        reduce: { name: "collect", params: {} },
        backoffMs: 100,
        onError: "fail",
        submitted: 1_000_000,
      },
      input: { type: "items", items: ["1", "2", "3"] },
      chunk: undefined,
      window: undefined,
      smallChunk: 1,
      notBefore: 1_000_000,
    });
  });

  it("takes over what it does say", () => {
    const reply = { subject: "_INBOX.x", mode: "watch" } as const;
    const body = {
      range: { from: 10, to: 0, step: -3 },
      reduce: "top-k:5",
      chunk: 7,
      window: 9,
      maxAttempts: 4,
      timeout: "2s",
      backoff: 0,
      deadline: "1m",
      priority: "high",
      delay: "5s",
      onError: "continue",
    };
    const { spec, chunk, window, notBefore } = plan(body, { ...IDENTITY, reply });
    expect(spec).toEqual({
      job: "job1",
      kind: "double",
      priority: "high",
      total: 4,
      reduce: { name: "top-k", params: expect.objectContaining({ k: 5 }) },
      maxAttempts: 4,
      backoffMs: 0,
      timeoutMs: 2_000,
      onError: "continue",
      submitted: 1_000_000,
      deadline: 1_060_000,
      range: { start: 10, step: -3 },
      reply,
    });
    expect({ chunk, window, notBefore }).toEqual({ chunk: 7, window: 9, notBefore: 1_005_000 });
  });

  it("counts a deadline from the submission, or takes it as the date that it is", () => {
    expect(plan({ items: [1], deadline: 500 }).spec.deadline).toBe(1_000_500);
    expect(plan({ items: [1], deadline: 0 }).spec.deadline).toBe(1_000_000);
    expect(plan({ items: [1], deadline: "2026-11-24T08:00:00Z" }).spec.deadline).toBe(
      Date.UTC(2026, 10, 24, 8),
    );
  });

  it("of a delayed job comes back when it expires, if that is sooner than its start", () => {
    expect(plan({ items: [1], delay: "1h", deadline: "10m" }).notBefore).toBe(1_600_000);
    expect(plan({ items: [1], delay: "1h", deadline: "2h" }).notBefore).toBe(4_600_000);
  });

  it("has no total while it is an object that nobody has read", () => {
    const { spec, smallChunk } = plan({ object: "B/n", chunk: 1000 });
    expect("total" in spec).toBe(false);
    expect(smallChunk).toBeUndefined();
  });

  it.each([
    [SMALL_TASKS, {}, 1],
    [SMALL_TASKS + 1, {}, undefined],
    [SMALL_TASKS * 3, { chunk: 3 }, 3],
    [SMALL_TASKS * 3 + 1, { chunk: 3 }, undefined],
    [5, { window: 2 }, undefined],
    [5, { window: "auto", chunk: "auto" }, 1],
    [0, {}, 1],
  ])("calls %i items with %j small by chunks of %s", (count, options, chunk) => {
    expect(plan({ items: items(count), ...options }).smallChunk).toBe(chunk);
  });

  it("calls a job small exactly when its tasks are few, and their bounds depend on the body alone", () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 5_000 }), (total, chunk) => {
        const { smallChunk } = plan({ range: { to: total }, chunk });
        expect(smallChunk).toBe(Math.ceil(total / chunk) <= SMALL_TASKS ? chunk : undefined);
      }),
    );
  });

  it("counts the items of a range as walking it would", () => {
    const bound = fc.integer({ min: -50, max: 50 });
    fc.assert(
      fc.property(bound, bound, bound, (from, to, step) => {
        fc.pre(step !== 0);
        const walked: number[] = [];
        for (let value = from; step > 0 ? value < to : value > to; value += step) walked.push(value);
        const { input } = plan({ range: { from, to, step } });
        expect(totalOf(input)).toBe(walked.length);
        if (input.type !== "range") throw new Error("it is a range");
        expect(walked.map((_, at) => input.start + at * input.step)).toEqual(walked);
      }),
      { numRuns: 500 },
    );
  });

  it("refuses a reducer that there is not, whatever else every object has by that name", () => {
    for (const reduce of ["sun", "constructor", "toString", "__proto__", "hasOwnProperty", ""])
      expect(() => plan({ items: [1], reduce })).toThrow(UnknownReducer);
    expect(() => plan({ items: [1], reduce: "sun" })).toThrow('Did you mean "sum"?');
    expect(() => plan({ items: [1], reduce: { constructor: {} } })).toThrow(UnknownReducer);
    expect(() => plan({ items: [1], reduce: { "top-k": { k: -1 } } })).toThrow(InvalidOption);
  });
});
