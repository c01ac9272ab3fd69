/** What the examples of the documents run on: muster as they import it, with a fleet in memory that knows their tasks. */
import { expect } from "vitest";
import { joinOver, type Node } from "../../src/bootstrap/node.ts";
import { SimulatedServer } from "../../src/broker/simulated/server.ts";
import type { AnyTask } from "../../src/index.ts";
import * as muster from "../../src/index.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { testMuster } from "../../src/testing/index.ts";

export { resolveConnection, startActor } from "../../src/bootstrap/index.ts";
export { chunk, Events, fail, fromSplitter, JobFailed, range, retryAfter } from "../../src/index.ts";
export { startMuster, testMuster } from "../../src/testing/index.ts";

const known = new Set<AnyTask>();

/** As `task` of muster, but that {@link connect} knows of it. */
export const task = ((kind: string, definition: never) => {
  const made: AnyTask = muster.task(kind, definition);
  for (const other of known) if (other.kind === kind) known.delete(other);
  known.add(made);
  return made;
}) as typeof muster.task;

export function connect(): Promise<muster.Muster> {
  return testMuster({ tasks: [...known] });
}

/** As `joinFleet` of muster, over a broker in memory. */
export function joinFleet({ prefix = "muster" }: { prefix?: string }): Promise<Node> {
  const server = new SimulatedServer({ clock: systemClock, random: Math.random });
  return joinOver(server.connect("example"), { prefix });
}

/** The value, or what is promised, is what the example says. */
export async function check(value: unknown, said: unknown): Promise<void> {
  expect(await value).toEqual(said);
}

/** Examples print nothing here. */
export const console = { log: (..._: unknown[]) => {}, error: (..._: unknown[]) => {} };
