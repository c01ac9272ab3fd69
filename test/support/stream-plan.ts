/** Streams of a test's own. */
import type { StreamPlan } from "../../src/broker/port.ts";

const MEGABYTE = 1024 * 1024;

/** A stream that takes `<name>.>`, with nothing special switched on. */
export function streamPlan(name: string, changes: Partial<StreamPlan> = {}): StreamPlan {
  return {
    name: name.toUpperCase(),
    subjects: [`${name}.>`],
    retention: "limits",
    storage: "file",
    replicas: 1,
    maxBytes: 8 * MEGABYTE,
    maxAgeMs: 0,
    maxPerSubject: 0,
    discard: "new",
    atomicBatches: false,
    rollup: false,
    messageTtl: false,
    duplicateWindowMs: 120_000,
    ...changes,
  };
}
