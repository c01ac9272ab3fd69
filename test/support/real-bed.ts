/** A real nats-server as a test bed: each client reaches it through a proxy of its own, which can be cut. */
import { connectJetStream } from "../../src/broker/jetstream/index.ts";
import type { Broker } from "../../src/broker/port.ts";
import type { Bed, ClientOptions } from "./broker-under-test.ts";
import { type CuttableProxy, startProxy } from "./proxy.ts";
import { type RealServer, startServer } from "./real-server.ts";

/** Long enough for what is under way on one machine to arrive. */
const SETTLE_MS = 150;

/** @param binary path of the nats-server to run */
export async function realBed(binary: string): Promise<Bed> {
  return new RealBed(await startServer(binary));
}

class RealBed implements Bed {
  readonly #server: RealServer;
  readonly #proxies = new Map<Broker, CuttableProxy>();

  constructor(server: RealServer) {
    this.#server = server;
  }

  async connect(options: ClientOptions = {}): Promise<Broker> {
    const proxy = await startProxy(this.#server.port);
    const broker = await connectJetStream({
      servers: [`127.0.0.1:${proxy.port}`],
      options: { maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0 },
      ...options,
    });
    this.#proxies.set(broker, proxy);
    return broker;
  }

  kill(broker: Broker): void {
    this.cut(broker);
  }

  cut(broker: Broker): void {
    this.#proxies.get(broker)?.cut();
  }

  heal(broker: Broker): void {
    this.#proxies.get(broker)?.heal();
  }

  async restart({ kill = false }: { kill?: boolean } = {}): Promise<void> {
    await this.#server.restart(kill ? "SIGKILL" : "SIGTERM");
  }

  elapse(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  settle(): Promise<void> {
    return this.elapse(SETTLE_MS);
  }

  now(): number {
    return Date.now();
  }

  async closeClients(): Promise<void> {
    for (const [broker, proxy] of this.#proxies) {
      await broker.close();
      await proxy.stop();
    }
    this.#proxies.clear();
  }

  async stop(): Promise<void> {
    await this.closeClients();
    await this.#server.stop();
  }
}
