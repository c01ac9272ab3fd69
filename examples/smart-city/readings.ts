/** What sensors of a city say, hour by hour: the weather of Seattle, and how late flights are. */
import { rowsOf, vega } from "../vega.ts";

export interface Reading {
  /** As in `01-31T17:45`. */
  at: string;
  /** As in `weather/wind` or `delay/SEA`. */
  sensor: string;
  value: number;
}

/** The readings of January to March, in the order of time: both series as if they were of one year. */
export function readings(): Reading[] {
  return [...weather(), ...delays()].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function weather(): Reading[] {
  const rows = rowsOf<"date" | "temperature" | "wind" | "pressure">(
    vega("seattle-weather-hourly-normals.csv"),
  );
  const quarter = rows.filter(({ date }) => date < "2010-04");
  return quarter.flatMap(({ date, ...values }) =>
    Object.entries(values).map(([name, value]) => ({
      at: date.slice(5, 16),
      sensor: `weather/${name}`,
      value: Number(value),
    })),
  );
}

function delays(): Reading[] {
  const flights: { date: string; delay: number; origin: string }[] = JSON.parse(vega("flights-20k.json"));
  return flights.map(({ date, delay, origin }) => ({
    at: date.slice(5).replace("/", "-").replace(" ", "T"),
    sensor: `delay/${origin}`,
    value: delay,
  }));
}

/** The readings of a day. */
export interface Window {
  day: string;
  readings: Reading[];
}

/** Readings in windows of a day, each as soon as it is full. */
export function* windowsOf(readings: Iterable<Reading>): Generator<Window> {
  let window: Window | undefined;
  for (const reading of readings) {
    const day = reading.at.slice(0, 5);
    if (window?.day !== day) {
      if (window !== undefined) yield window;
      window = { day, readings: [] };
    }
    window.readings.push(reading);
  }
  if (window !== undefined) yield window;
}
