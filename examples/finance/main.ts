/** Option prices and value at risk by simulation: the same whoever computes them, and what the formulas say. */
import assert from "node:assert/strict";
import { compare, print } from "../compare.ts";
import type { Fleet } from "../fleet.ts";
import { estimate, quantile } from "./estimates.ts";
import { blackScholes, parametricRisk } from "./formulas.ts";
import { readMarket, type Stock } from "./market.ts";
import { type Block, type Call, callValue, losses } from "./simulate.ts";
import { price, risk } from "./tasks.ts";

const SEED = 2026;

export async function main({ muster }: Fleet): Promise<void> {
  const market = readMarket();
  const blocks = blocksOf({ seed: SEED, count: 40, paths: 50_000 });

  const calls = market.stocks.map(callOn);
  const items = calls.flatMap((call) => blocks.map((block) => ({ call, block })));
  const values = await compare(`${calls.length} options, ${items.length} blocks`, {
    plain: () => items.map(({ call, block }) => callValue(call, block)),
    job: () => muster.map(price, items),
    finish: (values) => values,
  });
  assert.deepEqual(await muster.map(price, items, { chunk: 7 }), values);
  calls.forEach((call, at) => {
    const { value, error } = estimate(values.slice(at * blocks.length, (at + 1) * blocks.length));
    const name = market.stocks[at]?.symbol.padEnd(4);
    print(
      `  ${name} ${value.toFixed(3)} ± ${error.toFixed(3)}, Black and Scholes ${blackScholes(call).toFixed(3)}`,
    );
  });

  const counts = await compare(`value at risk, ${blocks.length} blocks`, {
    plain: () => countsOf(blocks.map((block) => losses(market, block))),
    job: () =>
      muster.map(
        risk,
        blocks.map((block) => ({ market, block })),
      ),
    finish: (counts) => counts,
  });
  print(
    `  99 %: a loss of ${percent(quantile(counts, 0.99))}, by the formula ${percent(parametricRisk(market).loss)}`,
  );
}

export function blocksOf({ seed, count, paths }: { seed: number; count: number; paths: number }): Block[] {
  return Array.from({ length: count }, (_, block) => ({ seed, block, paths }));
}

/** A call at today's price for a year. */
export function callOn({ price, volatility }: Stock): Call {
  return { price, strike: price, volatility, rate: 0.03, years: 1 };
}

/** What `merge-counts` does. */
export function countsOf(parts: readonly Record<string, number>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [key, count] of parts.flatMap((part) => Object.entries(part)))
    counts[key] = (counts[key] ?? 0) + count;
  return counts;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
