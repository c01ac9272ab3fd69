/** The market as `stocks.csv` has it: prices of five stocks, month by month. */
import { rowsOf, vega } from "../vega.ts";

export interface Stock {
  symbol: string;
  /** The last price. */
  price: number;
  /** Mean of the monthly returns. */
  mean: number;
  /** Standard deviation of the logarithmic returns, of a year. */
  volatility: number;
}

export interface Market {
  stocks: Stock[];
  /** L of the returns' covariance L·Lᵀ: makes correlated returns of independent normal numbers. */
  factor: number[][];
}

/** What the months tell in which all five were traded. */
export function readMarket(): Market {
  const prices = pricesOf(rowsOf<"symbol" | "date" | "price">(vega("stocks.csv")));
  const returns = prices.map(([, series]) => changes(series, (before, after) => after / before - 1));
  const stocks = prices.map(([symbol, series], at): Stock => {
    const logarithms = changes(series, (before, after) => Math.log(after / before));
    return {
      symbol,
      price: series.at(-1) ?? 0,
      mean: mean(returns[at] ?? []),
      volatility: Math.sqrt(12 * covariance(logarithms, logarithms)),
    };
  });
  return { stocks, factor: cholesky(returns.map((a) => returns.map((b) => covariance(a, b)))) };
}

/** Series of the same length, all of which end with the last month. */
function pricesOf(rows: readonly Record<"symbol" | "price", string>[]): [symbol: string, series: number[]][] {
  const bySymbol = new Map<string, number[]>();
  for (const { symbol, price } of rows)
    bySymbol.set(symbol, [...(bySymbol.get(symbol) ?? []), Number(price)]);
  const months = Math.min(...Array.from(bySymbol.values(), (series) => series.length));
  return Array.from(bySymbol, ([symbol, series]) => [symbol, series.slice(-months)]);
}

function changes(series: readonly number[], change: (before: number, after: number) => number): number[] {
  return series.slice(1).map((price, at) => change(series[at] ?? price, price));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function covariance(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  const products = a.map((value, at) => (value - meanA) * ((b[at] ?? meanB) - meanB));
  return products.reduce((sum, product) => sum + product, 0) / (a.length - 1);
}

/** The lower triangle L with L·Lᵀ = `matrix`, which must be positive definite. */
function cholesky(matrix: readonly (readonly number[])[]): number[][] {
  const factor: number[][] = [];
  matrix.forEach((row, i) => {
    const made: number[] = [];
    factor.push(made);
    for (let j = 0; j <= i; j++) {
      const known = dot(made, factor[j] ?? [], j);
      const rest = (row[j] ?? 0) - known;
      made.push(i === j ? Math.sqrt(rest) : rest / (factor[j]?.[j] ?? 1));
    }
  });
  return factor;
}

/** Of the first `count` members. */
export function dot(a: readonly number[], b: readonly number[], count = a.length): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
