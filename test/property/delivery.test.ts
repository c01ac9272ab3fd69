import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DeliveryView,
  decideDelivery,
  MAX_DEATHS,
  SKEW_MS,
  SPLIT_DEATHS,
} from "../../src/domain/delivery.ts";
import type { JobSpec } from "../../src/protocol/spec.ts";

const SPEC: JobSpec = {
  job: "job",
  kind: "double",
  priority: "normal",
  reduce: { name: "sum", params: {} },
  backoffMs: 100,
  onError: "fail",
  submitted: 0,
};

const VIEW: DeliveryView = {
  spec: SPEC,
  range: { from: 10, count: 5 },
  deliveries: 1,
  deaths: 0,
  cancelled: false,
  now: 1_000,
};

const due = (deadline: number): JobSpec => ({ ...SPEC, deadline });
const ONE = { from: 7, count: 1 };

describe("what a worker does with a delivery", () => {
  it.each<[string, Partial<DeliveryView>, unknown]>([
    ["runs the first delivery", {}, { type: "run", mark: false }],
    ["marks a later delivery as begun", { deliveries: 2 }, { type: "run", mark: true }],
    [
      "runs a chunk again until too many died",
      { deliveries: 9, deaths: SPLIT_DEATHS - 1 },
      { type: "run", mark: true },
    ],
    [
      "gives a single item more tries",
      { deliveries: 9, deaths: MAX_DEATHS - 1, range: ONE },
      { type: "run", mark: true },
    ],
    ["drops a task of a cancelled job", { cancelled: true }, { type: "drop", reason: "cancelled" }],
    ["runs at the deadline, as clocks differ", { spec: due(1_000) }, { type: "run", mark: false }],
    [
      "runs until half a minute after it",
      { spec: due(1_000), now: 999 + SKEW_MS },
      { type: "run", mark: false },
    ],
    ["drops it then", { spec: due(1_000), now: 1_000 + SKEW_MS }, { type: "drop", reason: "expired" }],
    [
      "runs nothing after a deadline of 1970",
      { spec: due(0), now: Date.now() },
      { type: "drop", reason: "expired" },
    ],
    [
      "calls it cancelled before it calls it expired",
      { cancelled: true, spec: due(0) },
      { type: "drop", reason: "cancelled" },
    ],
    [
      "drops rather than buries",
      { cancelled: true, deaths: 99, range: ONE },
      { type: "drop", reason: "cancelled" },
    ],
    [
      "buries a single item whose workers died",
      { deaths: MAX_DEATHS, range: ONE },
      { type: "bury", deaths: MAX_DEATHS },
    ],
    [
      "cuts a chunk whose workers died",
      { deaths: SPLIT_DEATHS, range: { from: 10, count: 3 } },
      {
        type: "split",
        parts: [
          { from: 10, count: 1 },
          { from: 11, count: 1 },
          { from: 12, count: 1 },
        ],
      },
    ],
  ])("%s", (_, view, step) => {
    expect(decideDelivery({ ...VIEW, ...view })).toEqual(step);
  });

  const view = fc.record({
    deliveries: fc.integer({ min: 1, max: 40 }),
    deaths: fc.nat(12),
    cancelled: fc.boolean(),
    now: fc.nat(2 * SKEW_MS),
    range: fc.record({ from: fc.nat(1e9), count: fc.integer({ min: 1, max: 1e6 }) }),
    spec: fc.option(fc.nat(100), { nil: undefined }).map((at) => (at === undefined ? SPEC : due(at))),
  });

  it("runs nothing of a job that is over, and nothing that killed too many", () => {
    fc.assert(
      fc.property(view, (each) => {
        const step = decideDelivery(each);
        const isOver = each.cancelled || each.now >= (each.spec.deadline ?? Infinity) + SKEW_MS;
        expect(step.type === "drop").toBe(isOver);
        const most = each.range.count === 1 ? MAX_DEATHS : SPLIT_DEATHS;
        if (!isOver) expect(step.type === "run").toBe(each.deaths < most);
      }),
      { numRuns: 500 },
    );
  });

  it("cuts into a few parts that cover the chunk, and finds the poison in few cuts", () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.integer({ min: 1, max: 1e6 }), fc.nat(1e6), (from, count, pick) => {
        const poison = from + (pick % count);
        let range = { from, count };
        for (let cuts = 0; ; cuts++) {
          expect(cuts).toBeLessThanOrEqual(5);
          const step = decideDelivery({ ...VIEW, range, deaths: MAX_DEATHS });
          if (step.type === "bury") break;
          if (step.type !== "split") throw new Error(`it is to ${step.type}`);
          expect(step.parts.length).toBeGreaterThanOrEqual(2);
          expect(step.parts.length).toBeLessThanOrEqual(16);
          let next = range.from;
          for (const part of step.parts) {
            expect(part.from).toBe(next);
            expect(part.count).toBeGreaterThanOrEqual(1);
            next += part.count;
          }
          expect(next).toBe(range.from + range.count);
          range = step.parts.findLast((part) => part.from <= poison) ?? range;
        }
        expect(range).toEqual({ from: poison, count: 1 });
      }),
    );
  });
});
