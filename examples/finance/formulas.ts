/** The closed formulas that simulations are checked against. */
import { dot, type Market, mean } from "./market.ts";
import type { Call } from "./simulate.ts";

/** The price of a European call by Black and Scholes. */
export function blackScholes({ price, strike, volatility, rate, years }: Call): number {
  const spread = volatility * Math.sqrt(years);
  const d1 = (Math.log(price / strike) + (rate + volatility ** 2 / 2) * years) / spread;
  return price * distribution(d1) - strike * Math.exp(-rate * years) * distribution(d1 - spread);
}

/** The loss that a month does not exceed with 99 % probability, where returns are normal; and the density there. */
export function parametricRisk({ stocks, factor }: Market): { loss: number; density: number } {
  const weights = stocks.map(() => 1 / stocks.length);
  const columns = stocks.map((_, column) =>
    dot(
      weights,
      factor.map((row) => row[column] ?? 0),
    ),
  );
  const deviation = Math.sqrt(dot(columns, columns));
  const loss = QUANTILE_99 * deviation - mean(stocks.map((stock) => stock.mean));
  return { loss, density: Math.exp(-(QUANTILE_99 ** 2) / 2) / Math.sqrt(2 * Math.PI) / deviation };
}

/** Of the standard normal distribution. */
const QUANTILE_99 = 2.3263478740408408;

/** The standard normal distribution function, by the series of Marsaglia: exact to some 15 digits for |x| < 7. */
function distribution(x: number): number {
  let [sum, term, last] = [x, x, 0];
  for (let i = 3; sum !== last; i += 2) {
    last = sum;
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
