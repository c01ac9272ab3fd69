import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Coverage } from "../../src/domain/coverage.ts";
import { InvalidBody } from "../../src/errors.ts";

const UNIVERSE = 60;
const chunk = fc.record({
  from: fc.integer({ min: 0, max: UNIVERSE }),
  count: fc.integer({ min: 0, max: 12 }),
});

/** The same, the slow way: a Set of item numbers. */
class NaiveCoverage {
  readonly items = new Set<number>();

  add(from: number, count: number): string {
    const wanted = Array.from({ length: count }, (_, at) => from + at);
    const known = wanted.filter((item) => this.items.has(item));
    if (known.length === wanted.length) return "duplicate";
    if (known.length > 0) return "overlap";
    for (const item of wanted) this.items.add(item);
    return "new";
  }
}

function itemsOf(intervals: readonly (readonly [number, number])[]): number[] {
  return intervals.flatMap(([from, end]) => Array.from({ length: end - from }, (_, at) => from + at));
}

describe("Coverage", () => {
  it("agrees with a set of item numbers after any chunks in any order", () => {
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 60 }), fc.integer({ min: 0, max: 80 }), (chunks, total) => {
        const coverage = new Coverage();
        const naive = new NaiveCoverage();
        for (const { from, count } of chunks) expect(coverage.add(from, count)).toBe(naive.add(from, count));
        const sorted = [...naive.items].sort((a, b) => a - b);
        expect(itemsOf(coverage.intervals)).toEqual(sorted);
        expect(coverage.count).toBe(sorted.length);
        const missing = Array.from({ length: total }, (_, item) => item).filter(
          (item) => !naive.items.has(item),
        );
        expect(itemsOf(coverage.holes(total))).toEqual(missing);
        expect(coverage.isComplete(total)).toBe(missing.length === 0);
        for (let item = 0; item < 80; item++) expect(coverage.has(item)).toBe(naive.items.has(item));
      }),
      { numRuns: 500 },
    );
  });

  it("keeps its intervals sorted, apart and never empty, and holes likewise", () => {
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 60 }), fc.integer({ min: 0, max: 80 }), (chunks, total) => {
        const coverage = new Coverage();
        for (const { from, count } of chunks) coverage.add(from, count);
        for (const list of [coverage.intervals, coverage.holes(total)]) {
          const bounds = list.flat();
          for (const [at, bound] of bounds.entries())
            if (at > 0) expect(bound).toBeGreaterThan(bounds[at - 1] ?? 0);
        }
        expect(coverage.intervalCount).toBe(coverage.intervals.length);
      }),
    );
  });

  it("says whether a run of items is covered", () => {
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 20 }), chunk, (chunks, { from, count }) => {
        const coverage = new Coverage();
        const naive = new NaiveCoverage();
        for (const each of chunks) {
          coverage.add(each.from, each.count);
          naive.add(each.from, each.count);
        }
        const all = Array.from({ length: count }, (_, at) => naive.items.has(from + at)).every(Boolean);
        expect(coverage.covers(from, count)).toBe(all);
      }),
    );
  });

  it("comes back from its JSON, and goes on as before", () => {
    fc.assert(
      fc.property(fc.array(chunk), fc.array(chunk), (before, after) => {
        const coverage = new Coverage();
        for (const { from, count } of before) coverage.add(from, count);
        const copy = Coverage.fromJSON(JSON.parse(JSON.stringify(coverage)));
        for (const { from, count } of after) expect(copy.add(from, count)).toBe(coverage.add(from, count));
        expect(copy.toJSON()).toEqual(coverage.toJSON());
        expect(copy.count).toBe(coverage.count);
      }),
    );
  });

  it("refuses any other JSON with an InvalidBody", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(fc.double()), fc.array(fc.integer())), (value) => {
        try {
          const coverage = Coverage.fromJSON(value);
          expect(coverage.toJSON()).toEqual(value);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidBody);
        }
      }),
    );
  });

  it("covers all chunks of a job in any order as one interval", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(200).keys()], { minLength: 200 }), (order) => {
        const coverage = new Coverage();
        for (const number of order) expect(coverage.add(number * 7, 7)).toBe("new");
        expect(coverage.intervals).toEqual([[0, 1400]]);
        expect(coverage.isComplete(1400)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it("works up to 2^53 - 1 and refuses to go beyond", () => {
    const coverage = new Coverage();
    const max = Number.MAX_SAFE_INTEGER;
    expect(coverage.add(max - 10, 10)).toBe("new");
    expect(coverage.add(0, max - 10)).toBe("new");
    expect(coverage.isComplete(max)).toBe(true);
    expect(coverage.count).toBe(max);
    expect(() => coverage.add(max, 1)).toThrow(InvalidBody);
    for (const bad of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => coverage.add(bad, 1)).toThrow(InvalidBody);
      expect(() => coverage.covers(0, bad)).toThrow(InvalidBody);
      expect(() => coverage.holes(bad)).toThrow(InvalidBody);
    }
  });

  it("adds nothing of a chunk that overlaps", () => {
    const coverage = new Coverage();
    coverage.add(5, 5);
    expect(coverage.add(0, 6)).toBe("overlap");
    expect(coverage.add(9, 2)).toBe("overlap");
    expect(coverage.add(4, 7)).toBe("overlap");
    expect(coverage.intervals).toEqual([[5, 10]]);
    expect(coverage.add(6, 2)).toBe("duplicate");
  });
});
