/**
 * How often each fault is to strike: in `npm test`, and once in the long run; with one server, and in a cluster. The million messages
 * of the long run have one of their own: while actors die all the time, not so many flow.
 */
import type { Targets } from "./faults.ts";

export const COLUMNS = {
  small: {
    "worker-kill": 100,
    "dispatcher-kill": 3,
    "aggregator-kill": 3,
    "crash-point": 3,
    zombie: 5,
    "link-cut": 5,
    "link-deaf": 5,
    "link-slow": 5,
    "link-noisy": 10_000,
    "server-kill": 10,
    "stream-full": 3,
    "disk-full": 3,
  },
  "small-cluster": { "leader-kill": 3, "rolling-restart": 1 },
  long: {
    "worker-kill": 2_000,
    "dispatcher-kill": 50,
    "aggregator-kill": 50,
    "crash-point": 50,
    zombie: 100,
    "link-cut": 100,
    "link-deaf": 100,
    "link-slow": 100,
    "link-noisy": 50_000,
    "server-kill": 200,
    "stream-full": 50,
    "disk-full": 50,
  },
  "long-noise": { "link-noisy": 1_000_000 },
  "long-cluster": { "leader-kill": 50, "rolling-restart": 10 },
} as const satisfies Record<string, Targets>;

export type ColumnName = keyof typeof COLUMNS;
