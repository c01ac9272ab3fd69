import { describe, expect, it } from "vitest";
import { efficiency, idealMs, overheadMs } from "../../src/domain/scaling/law.ts";

describe("the law T = ⌈N/P⌉ · Ts", () => {
  it("counts the last round as a full one", () => {
    expect(idealMs({ items: 64, slots: 8, itemMs: 50 })).toBe(400);
    expect(idealMs({ items: 65, slots: 8, itemMs: 50 })).toBe(450);
    expect(idealMs({ items: 3, slots: 8, itemMs: 50 })).toBe(50);
  });

  it("gives the efficiency and the overhead of a round", () => {
    const load = { items: 64, slots: 8, itemMs: 50 };
    expect(efficiency(load, 500)).toBeCloseTo(0.8);
    expect(overheadMs(load, 480)).toBeCloseTo(10);
  });
});
