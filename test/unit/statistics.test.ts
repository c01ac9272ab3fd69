import { describe, expect, it } from "vitest";
import { median, quantile, spreadOf } from "../../src/domain/statistics.ts";

describe("what measurements say", () => {
  it("is their middle, whatever their order", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 });
  });

  it("is read between neighbours in proportion", () => {
    const values = Array.from({ length: 101 }, (_, i) => i);
    expect(quantile(values, 0.99)).toBe(99);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
  });

  it("is nothing where nothing was measured", () => {
    expect(median([])).toBeNaN();
  });
});
