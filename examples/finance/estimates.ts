/** What the outputs of many blocks say together. */
import { covariance, mean } from "./market.ts";

/** A mean of blocks, and its standard error: by how much it would differ with other random numbers. */
export interface Estimate {
  value: number;
  error: number;
}

export function estimate(values: readonly number[]): Estimate {
  return { value: mean(values), error: Math.sqrt(covariance(values, values) / values.length) };
}

/** The loss that is not exceeded with this probability, as a share; `counts` are by loss in hundredths of a percent. */
export function quantile(counts: Readonly<Record<string, number>>, probability: number): number {
  const sorted = Object.entries(counts)
    .map(([loss, count]) => ({ loss: Number(loss), count }))
    .sort((a, b) => a.loss - b.loss);
  let rest = probability * sorted.reduce((sum, { count }) => sum + count, 0);
  const found = sorted.find(({ count }) => {
    rest -= count;
    return rest <= 0;
  });
  return (found?.loss ?? 0) / 10_000;
}
