/** One block of simulations: what it gives follows from its seed and number alone. */
import { dot, type Market } from "./market.ts";
import { normal } from "./random.ts";

export interface Block {
  seed: number;
  /** Its number: blocks of other numbers have other random numbers. */
  block: number;
  /** How many paths it simulates. */
  paths: number;
}

/** A European call on a stock that pays no dividends. */
export interface Call {
  price: number;
  strike: number;
  volatility: number;
  /** Of a year, compounded continuously. */
  rate: number;
  years: number;
}

/** What the call is worth: the mean of what it pays at its end, discounted. */
export function callValue(call: Call, { seed, block, paths }: Block): number {
  const { price, strike, volatility, rate, years } = call;
  const random = normal(seed, block);
  const drift = (rate - volatility ** 2 / 2) * years;
  const spread = volatility * Math.sqrt(years);
  let paid = 0;
  for (let i = 0; i < paths; i++) paid += Math.max(0, price * Math.exp(drift + spread * random()) - strike);
  return (Math.exp(-rate * years) * paid) / paths;
}

/** How often a month loses so much: counts of paths by loss, in hundredths of a percent of what all five stocks, held alike, are worth. */
export function losses({ stocks, factor }: Market, { seed, block, paths }: Block): Record<string, number> {
  const random = normal(seed, block);
  const counts: Record<string, number> = {};
  for (let i = 0; i < paths; i++) {
    const independent = stocks.map(random);
    let gain = 0;
    stocks.forEach(({ mean }, at) => {
      gain += (mean + dot(factor[at] ?? [], independent)) / stocks.length;
    });
    const loss = Math.round(-gain * 10_000);
    counts[loss] = (counts[loss] ?? 0) + 1;
  }
  return counts;
}
