/** Simulations: the same whoever makes them, and what the formulas say. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { estimate, quantile } from "../../examples/finance/estimates.ts";
import { blackScholes, parametricRisk } from "../../examples/finance/formulas.ts";
import { blocksOf, callOn, countsOf } from "../../examples/finance/main.ts";
import { readMarket } from "../../examples/finance/market.ts";
import { callValue, losses } from "../../examples/finance/simulate.ts";
import { price, risk } from "../../examples/finance/tasks.ts";
import { Fleet } from "../../examples/fleet.ts";

const SEED = 7;
const market = readMarket();
const blocks = blocksOf({ seed: SEED, count: 25, paths: 4_000 });

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start({
    handlers: new URL("../../examples/finance/tasks.ts", import.meta.url),
    workers: 1,
  });
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

it("prices options as Black and Scholes do, to the last bit the same with other workers and chunks", async () => {
  for (const call of market.stocks.map(callOn)) {
    const { value, error } = estimate(blocks.map((block) => callValue(call, block)));
    expect(Math.abs(value - blackScholes(call))).toBeLessThan(3 * error);
  }
  const items = market.stocks.map(callOn).flatMap((call) => blocks.map((block) => ({ call, block })));
  const expected = items.map(({ call, block }) => callValue(call, block));
  expect(await fleet.muster.map(price, items)).toEqual(expected);
  await fleet.addWorker();
  expect(await fleet.muster.map(price, items, { chunk: 3 })).toEqual(expected);
});

it("finds the value at risk that the formula gives, within the error of the simulation", async () => {
  const items = blocks.map((block) => ({ market, block }));
  const counts = await fleet.muster.map(risk, items, { chunk: 2 });
  expect(counts).toEqual(countsOf(blocks.map((block) => losses(market, block))));
  const { loss, density } = parametricRisk(market);
  const error = Math.sqrt((0.01 * 0.99) / (25 * 4_000)) / density;
  expect(Math.abs(quantile(counts, 0.99) - loss)).toBeLessThan(3 * error + 0.000_05);
});

it("has other numbers with another seed", () => {
  const [block] = blocksOf({ seed: SEED + 1, count: 1, paths: 100 });
  const [same] = blocksOf({ seed: SEED, count: 1, paths: 100 });
  if (block === undefined || same === undefined) expect.fail("no blocks");
  expect(losses(market, block)).not.toEqual(losses(market, same));
});
