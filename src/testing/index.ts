/** The door of `muster/testing`: fleets for the tests of whoever writes tasks, and calls them. */

import type { AnyTask } from "../actors/handlers/task.ts";
import { startActor } from "../bootstrap/actors.ts";
import { connectionTo, EPHEMERAL, startEmbedded } from "../bootstrap/embedded.ts";
import { joinFleet, joinOver, type Node } from "../bootstrap/node.ts";
import type { FleetSettingsInput } from "../bootstrap/settings.ts";
import { fitting } from "../bootstrap/up.ts";
import { SimulatedServer } from "../broker/simulated/server.ts";
import { Muster } from "../client/index.ts";
import type { ActorRole } from "../domain/fleet.ts";
import { systemClock } from "../runtime/clock.ts";
import { Releasers } from "../runtime/releasers.ts";

/** What a fleet for tests runs. */
export interface TestFleetOptions {
  /** Tasks, run on this process's event loop: they see what the test sees, spies and fakes included. */
  tasks?: readonly AnyTask[];
  /** Handler modules, run in threads as workers run them; relative paths start from the working directory. */
  handlers?: readonly string[];
  /** Chunks that run at once. @default 2 */
  slots?: number;
}

/** One partition is enough for one aggregator. */
const SETTINGS: FleetSettingsInput = { partitions: 1 };

/**
 * A whole fleet in memory, with a broker that is in memory, too: it needs no nats-server and starts in milliseconds. Closing
 * it ends all of it.
 *
 * The clock is the real one: retries wait as they do in production.
 * @throws HandlerModuleInvalid
 *
 * @example
 * import { task } from "muster";
 * import { testMuster } from "muster/testing";
 *
 * const half = task("half", { run: (n: number) => n / 2 });
 *
 * await using muster = await testMuster({ tasks: [half] });
 * await muster.map(half, [2, 4]); // [1, 2]
 */
export async function testMuster(options: TestFleetOptions = {}): Promise<Muster> {
  const server = new SimulatedServer({ clock: systemClock, random: Math.random });
  const releasers = new Releasers();
  const join = () => joinOver(server.connect("test"), { settings: SETTINGS });
  return await startFleet(options, join, releasers);
}

/**
 * A whole fleet in this process, on a nats-server that is started for it, with streams that go when it is closed. The
 * server is looked for, and fetched where there is none, as `muster up` does.
 * @throws BrokerNotFound, BrokerTooOld, HandlerModuleInvalid
 *
 * @example
 * import { task } from "muster";
 * import { startMuster } from "muster/testing";
 *
 * const half = task("half", { run: (n: number) => n / 2 });
 *
 * await using muster = await startMuster({ tasks: [half] });
 * await muster.map(half, [2, 4]); // [1, 2]
 */
export async function startMuster(options: TestFleetOptions = {}): Promise<Muster> {
  const releasers = new Releasers();
  const server = await startEmbedded({ env: process.env, port: -1, data: EPHEMERAL });
  releasers.defer(() => server.stop());
  const settings = { ...SETTINGS, ...fitting(server) };
  const join = async () => joinFleet({ connection: await connectionTo(server.url), settings });
  return await startFleet(options, join, releasers);
}

const ROLES: readonly ActorRole[] = ["dispatcher", "aggregator", "worker"];

/** Starts all actors and a client on one node; what was acquired goes with the client. */
async function startFleet(
  { slots = 2, ...handlers }: TestFleetOptions,
  join: () => Promise<Node>,
  releasers: Releasers,
): Promise<Muster> {
  try {
    const node = await join();
    releasers.defer(() => node.close());
    for (const role of ROLES) {
      const actor = await startActor(node, role, { ...handlers, slots });
      // What still runs is not waited for: a test that is over wants nothing of it.
      releasers.defer(() => actor.abort());
    }
    return await Muster.start(node.context("client"), () => releasers.release());
  } catch (error) {
    await releasers.release();
    throw error;
  }
}
