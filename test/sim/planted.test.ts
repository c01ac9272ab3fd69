import { describe, expect, it } from "vitest";
import { SABOTAGES } from "./sabotage.ts";
import { simulate } from "./simulate.ts";
import { plantedScenarios } from "./stored.ts";

const scenarios = plantedScenarios();

describe("the checker", () => {
  it.each(Object.keys(SABOTAGES))("catches the planted bug %s, and nothing where it is not", async (name) => {
    const { scenario } = scenarios.get(name) ?? expect.fail("no scenario is stored");
    const planted = await simulate(scenario.seed, { scenario, sabotage: name });
    expect(planted.violations).not.toEqual([]);
    expect((await simulate(scenario.seed, { scenario })).violations).toEqual([]);
  });

  it("has a bug for every stored scenario, and twenty at least", () => {
    expect([...scenarios.keys()].sort()).toEqual(Object.keys(SABOTAGES).sort());
    expect(scenarios.size).toBeGreaterThanOrEqual(20);
  });
});
