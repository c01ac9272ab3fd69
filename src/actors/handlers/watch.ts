/** Notices from outside that an item holds its thread. */
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Beacon } from "./beacon.ts";

/** What to watch, and for how long. */
export interface WatchOptions {
  beacon: Beacon;
  /** Milliseconds an item may be in its handler. */
  limit: number;
  clock: Clock;
  /** Called, perhaps more than once, with the item that has been in its handler for longer. */
  overdue(item: number): void;
}

/** Bounds of the time between two looks, in milliseconds. */
const MIN_LOOK = 10;
const MAX_LOOK = 250;

/** Looks at the beacon again and again, at most an eighth of the limit apart: no clock is read per item. */
export function watchItems({ beacon, limit, clock, overdue }: WatchOptions): Timer {
  let seen: number | undefined;
  let since = 0;
  const look = () => {
    const item = beacon.state === "handling" ? beacon.item : undefined;
    if (item === undefined || item !== seen) {
      seen = item;
      since = performance.now();
    } else if (performance.now() - since >= limit) {
      overdue(item);
    }
  };
  return clock.every(Math.min(MAX_LOOK, Math.max(MIN_LOOK, limit / 8)), look);
}
