/** The proxies between everybody and the servers: one a server. */
import type { Socket } from "node:net";
import type { Dice } from "../sim/dice.ts";
import { type CuttableProxy, startProxy } from "../support/proxy.ts";
import { Link, type Meddled } from "./link.ts";

export class Proxies {
  readonly meddled: Meddled = { repeated: 0, late: 0, lost: 0 };
  readonly #links = new Set<Link>();
  readonly #proxies: CuttableProxy[] = [];
  readonly #dice: Dice;

  private constructor(dice: Dice) {
    this.#dice = dice;
  }

  static async start(ports: readonly number[], dice: Dice): Promise<Proxies> {
    const proxies = new Proxies(dice);
    for (const port of ports) {
      proxies.#proxies.push(await startProxy(port, (near, far) => proxies.#join(near, far)));
    }
    return proxies;
  }

  /** Comma list of addresses. */
  get url(): string {
    return this.#proxies.map(({ port }) => `nats://127.0.0.1:${port}`).join(",");
  }

  /** The connections that there are, of those that have said who they are. */
  get links(): Link[] {
    return [...this.#links].filter(({ name }) => name !== "");
  }

  healAll(): void {
    for (const link of this.#links) link.heal();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
  }

  #join(near: Socket, far: Socket): void {
    const link = new Link(near, far, { dice: this.#dice, meddled: this.meddled });
    this.#links.add(link);
    near.once("close", () => this.#links.delete(link));
  }
}
