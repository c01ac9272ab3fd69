import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs } from "../../src/runtime/backoff.ts";

const ALMOST = 1 - Number.EPSILON;

describe("backoff", () => {
  it("doubles its bound with every attempt, up to the longest", () => {
    const bounds = [1, 2, 3, 4, 5, 60].map((attempt) =>
      backoffMs({ base: 100, max: 1_000 }, attempt, () => ALMOST),
    );
    expect(bounds).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it("is a random share of its bound, none included", () => {
    const shares = [0, 0.25, 0.5].map((share) => backoffMs({ base: 100, max: 1_000 }, 2, () => share));
    expect(shares).toEqual([0, 50, 100]);
  });

  it("is a whole number of milliseconds within its bounds, after however many attempts", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e6 }),
        fc.integer({ min: 1, max: 1e6 }),
        fc.integer({ min: 1, max: 1e6 }),
        fc.double({ min: 0, max: ALMOST, noNaN: true }),
        (base, max, attempt, share) => {
          const ms = backoffMs({ base, max }, attempt, () => share);
          expect(Number.isInteger(ms) && ms >= 0 && ms <= max).toBe(true);
        },
      ),
    );
  });

  it("of nothing is nothing", () => {
    expect(backoffMs({ base: 0, max: 1_000 }, 1_000, () => ALMOST)).toBe(0);
  });
});
