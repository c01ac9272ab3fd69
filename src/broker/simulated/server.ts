/** The simulated server: what JetStream does, in memory, under any clock, with faults on demand. */
import { BrokerUnreachable } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { StreamMessage } from "../port.ts";
import { SimulatedBroker } from "./client.ts";
import { ServerCore } from "./core.ts";
import type { FaultPlan } from "./faults.ts";

const MEGABYTE = 1024 * 1024;

export interface SimulatedServerOptions {
  clock: Clock;
  /** Uniform in [0, 1): a seeded one makes runs repeatable. */
  random: () => number;
  /** The largest message in bytes. @default 1 MiB */
  maxPayload?: number;
  /** @default no faults */
  faults?: FaultPlan;
  /** How long clients wait for an acknowledgement, in milliseconds. @default 5000 */
  timeoutMs?: number;
}

/**
 * A server in memory with any number of clients.
 *
 * @example
 * const clock = new VirtualClock();
 * const server = new SimulatedServer({ clock, random: Math.random });
 * const broker = server.connect("dispatcher-1");
 */
export class SimulatedServer {
  readonly #core: ServerCore;
  readonly #clients = new Set<SimulatedBroker>();
  #running = true;
  #connected = 0;

  constructor(options: SimulatedServerOptions) {
    const { clock, random, maxPayload = MEGABYTE, faults = {}, timeoutMs = 5_000 } = options;
    this.#core = new ServerCore({ clock, random, maxPayload, faults, timeoutMs });
  }

  /** @throws BrokerUnreachable while the server is stopped */
  connect(name: string): SimulatedBroker {
    if (!this.#running) throw new BrokerUnreachable("the simulated server", "it is stopped.");
    const client = new SimulatedBroker({ core: this.#core, name, id: ++this.#connected });
    this.#clients.add(client);
    return client;
  }

  /** What a stream holds, read past all clients and faults. */
  messages(stream: string): readonly StreamMessage[] {
    return [...this.#core.stream(stream).messages()];
  }

  /** Loses messages that it has acknowledged, as a loss of power or an operator's purge does. Returns how many. */
  lose(stream: string, isLost: (message: StreamMessage) => boolean): number {
    const lost = this.messages(stream).filter(isLost);
    for (const { seq } of lost) this.#core.stream(stream).remove(seq);
    return lost.length;
  }

  /** Ends the server's process: what is under way is lost, clients are cut off. */
  stop(): void {
    this.#running = false;
    for (const client of this.#clients) client.cut();
    this.#core.restart();
  }

  /** Starts it again on what it has stored; clients connect again. */
  start(): void {
    this.#running = true;
    for (const client of this.#clients) client.heal();
  }

  restart(): void {
    this.stop();
    this.start();
  }
}
