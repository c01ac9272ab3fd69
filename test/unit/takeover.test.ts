/** How soon the partitions of a dead aggregator are in other hands, by a clock that only the test moves on. */
import { describe, expect, it } from "vitest";
import { Aggregator } from "../../src/actors/aggregator/aggregator.ts";
import type { ActorContext } from "../../src/actors/context.ts";
import { HandlerSet } from "../../src/actors/handlers/handler-set.ts";
import type { SimulatedBroker } from "../../src/broker/simulated/client.ts";
import { SimulatedServer } from "../../src/broker/simulated/server.ts";
import { type TopologyOptions, topologyOf } from "../../src/broker/topology.ts";
import { Names } from "../../src/protocol/names.ts";
import { VirtualClock } from "../../src/runtime/virtual-clock.ts";
import { Events } from "../../src/telemetry/events.ts";
import { Dice } from "../sim/dice.ts";

const PARTITIONS = 16;
/** Of a partition: half of the default lease of tasks. */
const LEASE_MS = 5_000;
const names = new Names("muster");
const topology: TopologyOptions = {
  names,
  replicas: 1,
  storage: "file",
  leaseMs: 2 * LEASE_MS,
  jobLeaseMs: 6_000,
  maxBytes: 1024 ** 3,
  outcomeTtlMs: 3_600_000,
};

interface Alive {
  broker: SimulatedBroker;
  aggregator: Aggregator;
}

class Scene {
  readonly clock = new VirtualClock();
  readonly #dice = new Dice(7);
  readonly #server = new SimulatedServer({ clock: this.clock, random: this.#dice.next, timeoutMs: 500 });
  readonly #alive: Alive[] = [];

  static async open(aggregators: number): Promise<Scene> {
    const scene = new Scene();
    await scene.#server.connect("observer").ensure(topologyOf(topology));
    for (let at = 0; at < aggregators; at++) await scene.#start(`aggregator-${at}`);
    while (scene.held < PARTITIONS) await scene.clock.advance(50);
    // Until each has its share.
    await scene.clock.advance(3 * LEASE_MS);
    return scene;
  }

  /** Partitions in the hands of those that live. */
  get held(): number {
    return this.#alive.reduce((sum, { aggregator }) => sum + aggregator.held, 0);
  }

  /** As a SIGKILL does it: nothing is given back, and nothing is said. */
  async killOne(): Promise<void> {
    const [dead] = this.#alive.splice(0, 1);
    dead?.broker.kill();
    await this.clock.advance(1);
  }

  async #start(id: string): Promise<void> {
    const broker = this.#server.connect(id);
    const context: ActorContext = {
      ...{ id, host: "h", pid: 1, version: "0", broker, names, topology, partitions: PARTITIONS },
      clock: this.clock,
      random: this.#dice.fork(id).next,
      events: new Events(),
    };
    const handlers = new HandlerSet({ files: [], overrides: [], handlers: [] });
    const aggregator = new Aggregator({ context, handlers });
    const started = aggregator.start();
    await this.clock.advance(370); // They are not in step.
    await started;
    this.#alive.push({ broker, aggregator });
  }
}

describe("the partitions of an aggregator that dies", () => {
  const counts = [2, 3, 5];
  /** Milliseconds: rounds of lease keeping come every second. */
  const moments = [0, 250, 500, 750, 1_000, 1_250, 1_500];
  const cases = counts.flatMap((count) => moments.map((moment) => ({ count, moment })));

  it.each(cases)(
    "are in other hands within the lease and two seconds, of $count aggregators, at $moment ms",
    async ({ count, moment }) => {
      const scene = await Scene.open(count);
      await scene.clock.advance(moment);
      expect(scene.held).toBe(PARTITIONS);
      await scene.killOne();
      expect(scene.held).toBeLessThan(PARTITIONS);
      const diedAt = scene.clock.now();
      while (scene.held < PARTITIONS) {
        await scene.clock.advance(50);
        expect(scene.clock.now() - diedAt).toBeLessThanOrEqual(LEASE_MS + 2_000);
      }
      // Not while it could still have been alive.
      expect(scene.clock.now() - diedAt).toBeGreaterThan(LEASE_MS - 2_000);
    },
  );
});
