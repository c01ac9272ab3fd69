/** What a window says: each sensor in a few numbers, and what is unlike the others. */
import type { Reading, Window } from "./readings.ts";

export interface SensorSummary {
  count: number;
  mean: number;
  least: number;
  most: number;
}

export interface Summary {
  day: string;
  sensors: Record<string, SensorSummary>;
  anomalies: Reading[];
}

/** A reading is an anomaly if it is further from the median than so many times the usual distance. */
const UNUSUAL = 25;
/** Of fewer readings nobody can say what is usual. */
const ENOUGH = 8;

export function summarize({ day, readings }: Window): Summary {
  const bySensor = new Map<string, Reading[]>();
  for (const reading of readings)
    bySensor.set(reading.sensor, [...(bySensor.get(reading.sensor) ?? []), reading]);
  return {
    day,
    sensors: Object.fromEntries(Array.from(bySensor, ([sensor, own]) => [sensor, inNumbers(own)])),
    anomalies: Array.from(bySensor.values()).flatMap(anomaliesOf),
  };
}

function inNumbers(readings: readonly Reading[]): SensorSummary {
  const values = readings.map(({ value }) => value);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { count: values.length, mean, least: Math.min(...values), most: Math.max(...values) };
}

/** By the median and the median distance from it, which a few wild readings do not move. */
function anomaliesOf(readings: readonly Reading[]): Reading[] {
  if (readings.length < ENOUGH) return [];
  const middle = median(readings.map(({ value }) => value));
  const usual = median(readings.map(({ value }) => Math.abs(value - middle)));
  return readings.filter(({ value }) => usual > 0 && Math.abs(value - middle) > UNUSUAL * usual);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const [above = 0, below = above] = [sorted[half], sorted[sorted.length - 1 - half]];
  return (above + below) / 2;
}
