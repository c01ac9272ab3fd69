/** A fleet for integration tests: a real nats-server, and actors in this process. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../src/actors/client.ts";
import type { ClientJob } from "../../src/actors/submit.ts";
import { type ActorOptions, type RunningActor, startActor } from "../../src/bootstrap/actors.ts";
import { resolveConnection } from "../../src/bootstrap/connection.ts";
import { joinFleet, type Node } from "../../src/bootstrap/node.ts";
import { launchServer, type RunningServer } from "../../src/bootstrap/server/launch.ts";
import { locateServer } from "../../src/bootstrap/server/locate.ts";
import type { FleetSettingsInput } from "../../src/bootstrap/settings.ts";
import type { ActorRole } from "../../src/domain/fleet.ts";
import type { Outcome } from "../../src/protocol/outcome.ts";

export interface ServerOnDisk extends RunningServer {
  /** Stops it and removes what it stored. */
  remove(): Promise<void>;
}

/** A nats-server of its own with an empty store. Fetches one where the machine has none. */
export async function serverOnDisk(extraConfig?: string): Promise<ServerOnDisk> {
  const folder = await mkdtemp(join(tmpdir(), "muster-fleet-"));
  const { path } = await locateServer({ env: process.env, allowInstall: true });
  const server = await launchServer({ path, storeDir: join(folder, "store"), extraConfig });
  const remove = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { ...server, remove };
}

/** The same server again, on what it stored. */
export async function restarted(server: RunningServer): Promise<RunningServer> {
  const { path } = await locateServer({ env: process.env, allowInstall: true });
  return await launchServer({ path, storeDir: server.storeDir, port: server.port });
}

export class Fleet {
  readonly node: Node;
  readonly client: Client;
  readonly url: string;
  readonly #actors: RunningActor[] = [];
  readonly #nodes: Node[] = [];

  private constructor(url: string, node: Node, client: Client) {
    this.url = url;
    this.node = node;
    this.client = client;
  }

  static async join(url: string, settings: FleetSettingsInput = {}): Promise<Fleet> {
    const node = await joinNode(url, settings);
    const client = new Client(node.context("client"));
    await client.start();
    return new Fleet(url, node, client);
  }

  /** Starts an actor with a connection and events of its own. */
  async start(role: ActorRole, options: ActorOptions = {}): Promise<RunningActor & { node: Node }> {
    const node = await joinNode(this.url, {});
    this.#nodes.push(node);
    const actor = await startActor(node, role, options);
    this.#actors.push(actor);
    return Object.assign(actor, { node });
  }

  /** One of each role. */
  async startAll(options: ActorOptions = {}): Promise<void> {
    await this.start("dispatcher");
    await this.start("aggregator", options);
    await this.start("worker", { slots: 2, ...options });
  }

  /** Submits, waits, and returns the outcome with its whole result text. */
  async run(
    kind: string,
    body: string,
    options: ClientJob["options"] = {},
  ): Promise<{ outcome: Outcome; text: string }> {
    const job = await this.client.submit({ kind, body, options });
    return await this.result(job);
  }

  async result(job: string): Promise<{ outcome: Outcome; text: string }> {
    const outcome = await this.client.outcome(job, { timeoutMs: 60_000 });
    const parts: Uint8Array[] = [];
    for await (const part of this.client.resultBytes(outcome)) parts.push(part);
    return { outcome, text: Buffer.concat(parts).toString("utf8") };
  }

  async stop(): Promise<void> {
    for (const actor of this.#actors.splice(0).reverse()) await actor.stop();
    await this.client.stop();
    for (const node of this.#nodes.splice(0)) await node.close();
    await this.node.close();
  }
}

async function joinNode(url: string, settings: FleetSettingsInput): Promise<Node> {
  return await joinFleet({ connection: await resolveConnection({ server: url }, {}), settings });
}
