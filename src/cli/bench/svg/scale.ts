/** From values to places on an axis, and where its ticks are. */
import type { Axis } from "../report.ts";

export interface AxisScale {
  /** From 0 to 1. */
  place(value: number): number;
  readonly ticks: readonly number[];
}

export function axisScale({ scale }: Axis, values: readonly number[]): AxisScale {
  const finite = values.filter((value) => Number.isFinite(value) && (scale === "linear" || value > 0));
  if (finite.length === 0) return { place: () => 0, ticks: [] };
  return scale === "log" ? logarithmic(finite) : linear(finite);
}

/** Whole powers of ten, from the one below the least value to the one above the greatest. */
function logarithmic(values: readonly number[]): AxisScale {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    place: (value) => (Math.log10(value) - low) / (high - low),
    ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
  };
}

/** From 0, in about five steps of 1, 2 or 5 times a power of ten. */
function linear(values: readonly number[]): AxisScale {
  const most = Math.max(...values, Number.MIN_VALUE);
  const power = 10 ** Math.floor(Math.log10(most / 5));
  const step = ([1, 2, 5].find((factor) => factor * power * 5 >= most) ?? 10) * power;
  const count = Math.ceil(most / step);
  return {
    place: (value) => value / (count * step),
    ticks: Array.from({ length: count + 1 }, (_, i) => i * step),
  };
}
