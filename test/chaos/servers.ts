/** The nats-servers of a chaos run: one alone, or three in a cluster; killed, restarted, filled up. */
import { execFile } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { launchServer, type RunningServer } from "../../src/bootstrap/server/launch.ts";
import { locateServer } from "../../src/bootstrap/server/locate.ts";
import { StreamsView } from "./streams-view.ts";

const run = promisify(execFile);

/** How long a cluster may take to agree again, in ms. */
const HEALTHY_LIMIT_MS = 90_000;
const LOOK_MS = 100;

interface Member {
  name: string;
  port: number;
  storeDir: string;
  extraConfig: string | undefined;
  running: RunningServer | undefined;
}

export interface ServersOptions {
  folder: string;
  count: 1 | 3;
  /** Size of a small disk of its own for each server's streams; needs the right to mount. */
  diskMb?: number | undefined;
}

export class Servers {
  readonly version: string;
  readonly #path: string;
  readonly #members: readonly Member[];
  readonly #diskMb: number | undefined;

  private constructor(path: string, version: string, members: readonly Member[], diskMb: number | undefined) {
    this.#path = path;
    this.version = version;
    this.#members = members;
    this.#diskMb = diskMb;
  }

  static async start({ folder, count, diskMb }: ServersOptions): Promise<Servers> {
    const { path, version } = await locateServer({ env: process.env, allowInstall: true });
    const servers = new Servers(path, String(version), await plan(folder, count), diskMb);
    await servers.#mount();
    await Promise.all(servers.#members.map((member) => servers.#launch(member)));
    await servers.untilHealthy();
    return servers;
  }

  /** The servers' own ports, past every proxy. */
  get ports(): number[] {
    return this.#members.map(({ port }) => port);
  }

  get names(): string[] {
    return this.#members.map(({ name }) => name);
  }

  get processes(): { name: string; pid: number }[] {
    return this.#members.map(({ name, running }) => ({ name, pid: running?.pid ?? 0 }));
  }

  view(): Promise<StreamsView> {
    return StreamsView.connect(this.ports);
  }

  async killAndRestart(
    name: string,
    pauseMs: number,
    signal: "SIGKILL" | "SIGTERM" = "SIGKILL",
  ): Promise<void> {
    const member = this.#member(name);
    await member.running?.stop(signal);
    await delay(pauseMs);
    await this.#launch(member);
    await this.untilHealthy();
  }

  /** The server that leads a stream. */
  async leaderOf(stream: string): Promise<string> {
    const view = await this.view();
    try {
      return (await view.leaderOf(stream)) ?? this.names[0] ?? "";
    } finally {
      await view.close();
    }
  }

  /**
   * Fills a server's disk to the last byte for a while, and restarts it: a stream that met a full disk stores nothing
   * more until then, however much space there is (docs/reliability.md).
   */
  async fillDisk(name: string, ms: number): Promise<void> {
    const filler = join(this.#member(name).storeDir, "filler");
    await run("dd", ["if=/dev/zero", `of=${filler}`, "bs=64k"]).catch(() => {}); // It ends when the disk is full.
    await delay(ms);
    await rm(filler, { force: true });
    await this.killAndRestart(name, 0, "SIGTERM");
  }

  /** Resolves when every stream has its leader and all its copies. @throws after a time */
  async untilHealthy(): Promise<void> {
    const deadline = Date.now() + HEALTHY_LIMIT_MS;
    while (!(await this.#isHealthy())) {
      if (Date.now() > deadline) throw new Error("the servers do not agree again");
      await delay(LOOK_MS);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map(({ running }) => running?.stop()));
    if (this.#diskMb === undefined) return;
    for (const { storeDir } of this.#members) await run("umount", [storeDir]).catch(() => {});
  }

  #member(name: string): Member {
    const member = this.#members.find((one) => one.name === name);
    if (member === undefined) throw new Error(`there is no server ${name}`);
    return member;
  }

  async #isHealthy(): Promise<boolean> {
    const looks = this.#members.map(async ({ port }) => {
      const view = await StreamsView.connect([port]);
      try {
        return await view.isHealthy(this.#members.length);
      } finally {
        await view.close();
      }
    });
    const healthy = await Promise.all(looks.map((look) => look.catch(() => false)));
    return healthy.every(Boolean);
  }

  async #launch(member: Member): Promise<void> {
    const { storeDir, port, extraConfig, name } = member;
    const logFile = join(storeDir, "..", `${name}.log`);
    member.running = await launchServer({ path: this.#path, storeDir, port, extraConfig, logFile });
  }

  async #mount(): Promise<void> {
    for (const { storeDir } of this.#members) {
      await mkdir(storeDir, { recursive: true });
      if (this.#diskMb === undefined) continue;
      await run("mount", ["-t", "tmpfs", "-o", `size=${this.#diskMb}m`, "chaos", storeDir]);
    }
  }
}

async function plan(folder: string, count: number): Promise<Member[]> {
  const ports = await freePorts(2 * count);
  const routes = ports.slice(count).map((port) => `nats://127.0.0.1:${port}`);
  return Array.from({ length: count }, (_, at) => {
    const name = `server-${at + 1}`;
    return {
      name,
      port: ports[at] ?? 0,
      storeDir: join(folder, name),
      extraConfig: count === 1 ? undefined : clusterConfig(name, ports[count + at] ?? 0, routes),
      running: undefined,
    };
  });
}

function clusterConfig(name: string, port: number, routes: readonly string[]): string {
  return `server_name: ${name}
cluster {
  name: chaos
  listen: "127.0.0.1:${port}"
  # Clients must not learn of ways around the proxies.
  no_advertise: true
  routes: [${routes.map((route) => JSON.stringify(route)).join(", ")}]
}`;
}

/** Ports that nobody listens on; all are held until the last is found, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const holders = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    holders.map(
      (holder) =>
        new Promise<number>((resolve) => {
          holder.listen(0, "127.0.0.1", () => {
            const address = holder.address();
            resolve(typeof address === "object" && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return ports;
}
