/** The simulated broker under a virtual clock, as a test bed. */
import type { Broker } from "../../src/broker/port.ts";
import { SimulatedServer } from "../../src/broker/simulated/server.ts";
import { VirtualClock } from "../../src/runtime/virtual-clock.ts";
import type { Bed, ClientOptions } from "./broker-under-test.ts";

type Client = ReturnType<SimulatedServer["connect"]>;

/** Repeatable, and spread well enough for a queue group's choice. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export async function simulatedBed(): Promise<Bed> {
  return new SimulatedBed();
}

class SimulatedBed implements Bed {
  readonly #clock = new VirtualClock();
  readonly #server = new SimulatedServer({ clock: this.#clock, random: seeded(1), timeoutMs: 500 });
  readonly #clients = new Map<Broker, Client>();

  async connect(_options?: ClientOptions): Promise<Broker> {
    const client = this.#server.connect(`client-${this.#clients.size + 1}`);
    this.#clients.set(client, client);
    return client;
  }

  kill(broker: Broker): void {
    this.#clients.get(broker)?.kill();
  }

  cut(broker: Broker): void {
    this.#clients.get(broker)?.cut();
  }

  heal(broker: Broker): void {
    this.#clients.get(broker)?.heal();
  }

  async restart(): Promise<void> {
    this.#server.stop();
    await this.elapse(100);
    this.#server.start();
    await this.settle();
  }

  elapse(ms: number): Promise<void> {
    return this.#clock.advance(ms);
  }

  settle(): Promise<void> {
    return this.#clock.advance(1);
  }

  now(): number {
    return this.#clock.now();
  }

  async closeClients(): Promise<void> {
    for (const client of this.#clients.values()) await client.close();
    this.#clients.clear();
  }

  async stop(): Promise<void> {}
}
