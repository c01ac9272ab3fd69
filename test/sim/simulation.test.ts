/** The actors as they are, over a simulated broker, under faults that a seed determines. */
import { describe, expect, it } from "vitest";
import { simulate } from "./simulate.ts";

const SEEDS = 120;
const GROUP = 20;

describe("under every schedule of faults that was tried", () => {
  it.each(Array.from({ length: SEEDS / GROUP }, (_, group) => group * GROUP))(
    "each accepted job ends once, and each item counts once (seeds from %i)",
    async (from) => {
      for (let seed = from; seed < from + GROUP; seed++) {
        const { violations } = await simulate(seed);
        expect(violations, `npm run sim -- --seed ${seed}`).toEqual([]);
      }
    },
  );

  it("happens again to the letter under the same seed", async () => {
    const [once, again] = [await simulate(7), await simulate(7)];
    expect(again.hash).toBe(once.hash);
    expect((await simulate(8)).hash).not.toBe(once.hash);
  });
});
