/** The lines beside measured points: the law, and the fit. */
import { type UslFit, uslRate } from "../../domain/scaling/usl.ts";
import type { Series } from "./report.ts";

/** P/Ts: what the law allows. */
export function idealSeries(itemMs: number, most: number): Series {
  return { name: "ideal", style: "dashes", points: along(most, (n) => (n / itemMs) * 1_000) };
}

/** The fitted law, past the last point, where it says what to expect. */
export function fitSeries(fit: UslFit | undefined, most: number): Series[] {
  if (fit === undefined) return [];
  return [{ name: "USL fit", style: "line", points: along(4 * most, (n) => uslRate(fit, n)) }];
}

/** Steps of a plot from 1 on, evenly on a logarithmic axis. */
const STEPS = 48;

function along(most: number, rate: (n: number) => number): (readonly [number, number])[] {
  return Array.from({ length: STEPS + 1 }, (_, i) => {
    const n = Math.max(1, most) ** (i / STEPS);
    return [n, rate(n)] as const;
  });
}
