import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventQueue } from "../../src/domain/scaling/event-queue.ts";
import { idealMs } from "../../src/domain/scaling/law.ts";
import { simulateJob } from "../../src/domain/scaling/model.ts";
import { fitUsl, uslRate } from "../../src/domain/scaling/usl.ts";

const SLOTS = [1, 2, 4, 8, 16, 32, 64];
const FREE = { dispatcherMs: 0, brokerMs: 0, workerMs: 0, aggregatorMs: 0, hopMs: 0 };

describe("the Universal Scalability Law", () => {
  const laws = fc.record({
    lambda: fc.double({ min: 0.1, max: 1e6, noNaN: true }),
    sigma: fc.double({ min: 0, max: 0.5, noNaN: true }),
    kappa: fc.double({ min: 1e-6, max: 0.01, noNaN: true }),
  });

  it("is recovered from rates that follow it", () => {
    fc.assert(
      fc.property(laws, (law) => {
        const fit = fitUsl(SLOTS.map((n) => ({ n, rate: uslRate(law, n) })));
        expect(fit?.lambda).toBeCloseTo(law.lambda, 4 - Math.ceil(Math.log10(law.lambda)));
        expect(fit?.sigma).toBeCloseTo(law.sigma, 5);
        expect(fit?.kappa).toBeCloseTo(law.kappa, 7);
        expect(fit?.peak?.n).toBeCloseTo(Math.max(1, Math.sqrt((1 - law.sigma) / law.kappa)), 0);
      }),
    );
  });

  it("never has a negative cost, however the rates scatter", () => {
    const rates = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 3, maxLength: 7 });
    fc.assert(
      fc.property(rates, (values) => {
        const fit = fitUsl(values.map((rate, i) => ({ n: SLOTS[i] ?? 1, rate })));
        expect(fit).toMatchObject({ lambda: expect.any(Number) });
        expect(Math.min(fit?.sigma ?? -1, fit?.kappa ?? -1)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("has no peak where the rate grows with every slot", () => {
    const fit = fitUsl(SLOTS.map((n) => ({ n, rate: 20 * n })));
    expect(fit).toMatchObject({ peak: undefined });
    expect(fit?.lambda).toBeCloseTo(20);
  });

  it("needs three different numbers of slots", () => {
    expect(fitUsl([1, 2, 2].map((n) => ({ n, rate: n })))).toBeUndefined();
  });
});

describe("the model of a job's way", () => {
  const jobs = fc.record({
    items: fc.integer({ min: 1, max: 300 }),
    nodes: fc.integer({ min: 1, max: 40 }),
    slotsPerNode: fc.integer({ min: 1, max: 4 }),
    itemMs: fc.integer({ min: 1, max: 100 }),
  });
  const costs = fc.record({
    dispatcherMs: fc.double({ min: 0, max: 2, noNaN: true }),
    brokerMs: fc.double({ min: 0, max: 2, noNaN: true }),
    workerMs: fc.double({ min: 0, max: 2, noNaN: true }),
    aggregatorMs: fc.double({ min: 0, max: 2, noNaN: true }),
    hopMs: fc.double({ min: 0, max: 2, noNaN: true }),
  });

  it("is the law where nothing but the handler costs time", () => {
    fc.assert(
      fc.property(jobs, (job) => {
        const slots = job.nodes * job.slotsPerNode;
        expect(simulateJob({ ...job, costs: FREE })).toBeCloseTo(idealMs({ ...job, slots }), 6);
      }),
    );
  });

  it("is never faster than the law, nor than its slowest station", () => {
    fc.assert(
      fc.property(jobs, costs, (job, cost) => {
        const slots = job.nodes * job.slotsPerNode;
        const least = Math.max(
          idealMs({ ...job, slots }),
          job.items * Math.max(cost.dispatcherMs, cost.brokerMs, cost.aggregatorMs),
          (job.items * cost.workerMs) / job.nodes,
        );
        expect(simulateJob({ ...job, costs: cost })).toBeGreaterThanOrEqual(least - 1e-6);
      }),
    );
  });

  it("goes one task at a time through a window of one", () => {
    fc.assert(
      fc.property(jobs, costs, (job, cost) => {
        const way =
          cost.dispatcherMs + cost.brokerMs + cost.workerMs + cost.aggregatorMs + 3 * cost.hopMs + job.itemMs;
        expect(simulateJob({ ...job, window: 1, costs: cost })).toBeCloseTo(job.items * way, 6);
      }),
    );
  });

  it("says that ten thousand nodes are no faster than the station before them", () => {
    const job = { items: 50_000, nodes: 10_000, slotsPerNode: 1, itemMs: 50 };
    const ms = simulateJob({ ...job, costs: { ...FREE, brokerMs: 0.1 } });
    expect(ms).toBeGreaterThanOrEqual(5_000);
    expect(ms).toBeLessThan(5_000 + 3 * 50);
  });
});

describe("the event queue", () => {
  it("gives events by time, and those of the same time as they came", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (times) => {
        const queue = new EventQueue<number>();
        for (const [i, at] of times.entries()) queue.add(at, i);
        const taken = times.map(() => queue.take());
        const expected = times
          .map((at, value) => ({ at, value }))
          .sort((a, b) => a.at - b.at || a.value - b.value);
        expect(taken).toEqual(expected);
        expect(() => queue.take()).toThrow(RangeError);
      }),
    );
  });
});
