/** A report as one SVG picture: its plots, or bars where it has none. */

import type { Figure, Report } from "./report.ts";
import { bars } from "./svg/bars.ts";
import { plot } from "./svg/plot.ts";
import { document } from "./svg/shapes.ts";

export function drawReport({ scenario, machine, at, plots = [], figures }: Report): string {
  const { versions, cores, cpu } = machine;
  const title = `muster bench ${scenario}`;
  const under = `muster ${versions.muster}, nats-server ${versions["nats-server"]}, Node ${versions.node} on ${cores} cores (${cpu}), ${at}`;
  const panels = plots.length > 0 ? plots.map(plot) : byUnit(figures).map(bars);
  return document({ title, under, panels });
}

/** Bars can be compared where they have the same unit. */
function byUnit(figures: readonly Figure[]): Figure[][] {
  const groups = new Map<string, Figure[]>();
  for (const one of figures) groups.set(one.unit, [...(groups.get(one.unit) ?? []), one]);
  return [...groups.values()];
}
