import { describe, expect, it } from "vitest";
import { scenarioOf } from "./draw.ts";
import { simulate } from "./simulate.ts";
import { regressions } from "./stored.ts";

describe("a simulated fleet", () => {
  it.each([...regressions()].map(([name, regression]) => ({ name, ...regression })))(
    "keeps its promise where once it did not ($name): $found",
    async ({ scenario }) => {
      const { violations } = await simulate(scenario.seed, { scenario });
      expect(violations).toEqual([]);
    },
  );

  it("goes the same way twice, and another with another seed", async () => {
    const hashes = [];
    for (const seed of [3, 4, 3, 4]) hashes.push((await simulate(seed)).hash);
    expect(hashes.slice(2)).toEqual(hashes.slice(0, 2));
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  it("goes the same way when its scenario was stored as JSON", async () => {
    const scenario = JSON.parse(JSON.stringify(scenarioOf(7)));
    const stored = await simulate(7, { scenario });
    expect(stored.hash).toBe((await simulate(7)).hash);
  });
});
