/** docs/planted-bugs.md: the bugs that are planted to see that the checker can fail, and what caught them. */
import { SABOTAGES } from "../test/sim/sabotage.ts";
import { type Caught, plantedScenarios } from "../test/sim/stored.ts";
import { blocks, code, table } from "./markdown.ts";

export function plantedDocument(): string {
  const scenarios = plantedScenarios();
  const rows = Object.entries(SABOTAGES).map(([name, { bug, where }]) => {
    const caught = scenarios.get(name);
    return [
      bug,
      code(where),
      code(name),
      ...(caught === undefined ? ["", ""] : [saidOf(caught), seedsOf(caught)]),
    ];
  });
  return `${blocks(
    "# Planted bugs",
    "A checker that never fails proves nothing. Each of these bugs is planted in the simulation by `test/sim/sabotage.ts`, one at a time, and must be caught. _Seeds_ is how many seeds it takes in the mean; where it says _rare_, none of those that were tried did, and the stored scenario was made by hand or is older than the way in which scenarios are drawn today. A test replays the scenario that is stored for each in `test/sim/planted/`, with the bug and without; `npm run sim -- --planted 1200` measures anew, and `npm run docs` writes this page.",
    table(["bug", "where it would be", "name", "the checker says", "seeds"], rows),
  )}\n`;
}

/** Ids and numbers of this run say nothing. */
function saidOf({ violation }: Caught): string {
  return code(violation.replaceAll("`", "'").replace(/\{.*$/, "…").slice(0, 110));
}

function seedsOf({ caught, of }: Caught): string {
  return caught === 0 ? "rare" : `${Math.round(of / caught)}`;
}
