import { describe, expect, it } from "vitest";
import { closingLine } from "../support/closing-line.ts";

describe("the closing line", () => {
  it("counts what passed and what failed", () => {
    expect(closingLine({ passed: 12, failed: 0, skipped: 0 })).toBe("12 passed, 0 failed");
  });

  it("never hides what was skipped", () => {
    expect(closingLine({ passed: 1, failed: 2, skipped: 3 })).toBe("1 passed, 2 failed, 3 skipped");
  });
});
