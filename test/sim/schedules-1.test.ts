import { expect, it } from "vitest";
import { failuresOfHalf } from "./schedules.ts";

it("a simulated fleet keeps its promise under 5,000 schedules of faults", { timeout: 300_000 }, async () => {
  expect(await failuresOfHalf(0)).toEqual([]);
});
