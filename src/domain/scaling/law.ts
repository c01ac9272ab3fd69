/** The scaling law: how long N items take on P slots where nothing but the handler costs time. */

/** N equal items of `itemMs` each, on P slots. */
export interface Load {
  readonly items: number;
  readonly slots: number;
  readonly itemMs: number;
}

/** T = ⌈N/P⌉ · Ts: the last round takes as long as a full one. */
export function idealMs({ items, slots, itemMs }: Load): number {
  return Math.ceil(items / slots) * itemMs;
}

/** The part of the measured time that the law accounts for: 1 is perfect. */
export function efficiency(load: Load, measuredMs: number): number {
  return idealMs(load) / measuredMs;
}

/** What a round of tasks takes beyond its handler, in milliseconds. */
export function overheadMs(load: Load, measuredMs: number): number {
  return (measuredMs - idealMs(load)) / Math.ceil(load.items / load.slots);
}
