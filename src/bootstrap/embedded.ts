/** The nats-server that `muster up` starts, and keeps running. */
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { InvalidConfig, messageOf } from "../errors.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { systemClock } from "../runtime/clock.ts";
import type { ConnectionSettings } from "./connection.ts";
import { resolveConnection } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { type LaunchOptions, launchServer, type RunningServer } from "./server/launch.ts";
import { type LocatedServer, locateServer } from "./server/locate.ts";
import type { StepEvent } from "./server/step.ts";
import { makeTemporaryFolder } from "./temporary-data.ts";

export interface EmbeddedOptions {
  env: Environment;
  /** 0 or -1 for any free port. @default 4222 */
  port?: number | undefined;
  /** Where streams are kept; `"ephemeral"` for a folder that goes with this process. @default `$XDG_DATA_HOME/muster` */
  data?: string | undefined;
  onStep?: ((event: StepEvent) => void) | undefined;
  onEvent?: ((event: ServerEvent) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export const EPHEMERAL = "ephemeral";

/** What becomes of the server, told to whoever watches. */
export type ServerEvent =
  | { type: "server-ended"; exit: string; againInMs: number }
  | { type: "server-restarted"; pid: number }
  | { type: "server-failed"; reason: string };

export interface EmbeddedServer {
  readonly url: string;
  readonly located: LocatedServer;
  readonly storeDir: string;
  readonly ephemeral: boolean;
  /** Bytes that all streams together may take. */
  readonly maxStore: number;
  /** The process that runs at the moment. */
  readonly pid: number;
  stop(): Promise<void>;
}

export const DEFAULT_PORT = 4222;
/** How long a port may take to become free, in ms: a server whose launcher was just killed needs a moment. */
const PORT_WAIT_MS = 1_000;
const BACKOFF = { base: 200, max: 10_000 };

/** Where streams are kept unless a folder is named: `$XDG_DATA_HOME/muster`, or `~/.local/share/muster`. */
export function defaultDataDir(env: Environment): string {
  return join(env.XDG_DATA_HOME || join(env.HOME || homedir(), ".local", "share"), "muster");
}

/** Finds, or fetches, a nats-server and runs it. @throws BrokerNotFound, BrokerTooOld, InvalidConfig, BrokerUnreachable */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { env, onStep, signal, port = DEFAULT_PORT } = options;
  const located = await locateServer({ env, allowInstall: true, onStep, signal });
  if (port > 0) await checkFree(port);
  const ephemeral = options.data === EPHEMERAL;
  const temporary = ephemeral ? await makeTemporaryFolder() : undefined;
  const storeDir = temporary?.path ?? options.data ?? defaultDataDir(env);
  try {
    const launch = { path: located.path, storeDir, port, signal };
    const kept = await KeptServer.start(launch, options.onEvent ?? (() => {}));
    const stop = async () => {
      await kept.stop();
      await temporary?.remove();
    };
    const { url, maxStore } = kept.running;
    return {
      url,
      maxStore,
      located,
      storeDir,
      ephemeral,
      stop,
      get pid() {
        return kept.running.pid;
      },
    };
  } catch (error) {
    await temporary?.remove();
    throw error;
  }
}

/** An embedded server asks for nothing, so what the user has set up for other servers must not be shown to it. */
export function connectionTo(url: string): Promise<ConnectionSettings> {
  return resolveConnection({ server: url }, BARE_ENVIRONMENT);
}

/** An environment that says nothing about NATS: no variables, and no folder with a selected context. */
export const BARE_ENVIRONMENT: Environment = { XDG_CONFIG_HOME: "/dev/null" };

async function checkFree(port: number): Promise<void> {
  const deadline = systemClock.now() + PORT_WAIT_MS;
  while (await isTaken(port)) {
    if (systemClock.now() > deadline) throw portTaken(port);
    await delay(50);
  }
}

function portTaken(port: number): InvalidConfig {
  return new InvalidConfig(
    `Port ${port} is in use, by another "muster up" or nats-server perhaps: connect to it with --server nats://127.0.0.1:${port}, or choose another port with --port (-1 takes any free one).`,
  );
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error) => resolve("code" in error && error.code === "EADDRINUSE"));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(false)));
  });
}

/** A server that is started again, on the same port and data, when it ends without being asked. */
class KeptServer {
  running: RunningServer;
  readonly #launch: LaunchOptions;
  readonly #tell: (event: ServerEvent) => void;
  readonly #stopping = new AbortController();
  readonly #over: Promise<void>;

  static async start(launch: LaunchOptions, tell: (event: ServerEvent) => void): Promise<KeptServer> {
    return new KeptServer(await launchServer(launch), launch, tell);
  }

  private constructor(running: RunningServer, launch: LaunchOptions, tell: (event: ServerEvent) => void) {
    this.running = running;
    this.#launch = { ...launch, port: running.port, signal: this.#stopping.signal };
    this.#tell = tell;
    this.#over = this.#keep();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.running.stop();
    await this.#over;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 1; ; failures++) {
      const { code, signal: killedBy } = await this.running.exited;
      if (signal.aborted) return;
      const againInMs = backoffMs(BACKOFF, failures, Math.random);
      this.#tell({ type: "server-ended", exit: killedBy ?? `exit code ${code}`, againInMs });
      await delay(againInMs, undefined, { signal }).catch(() => {});
      await this.#restart();
      if (signal.aborted) return await this.running.stop();
    }
  }

  async #restart(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    try {
      this.running = await launchServer(this.#launch);
      this.#tell({ type: "server-restarted", pid: this.running.pid });
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#tell({ type: "server-failed", reason: messageOf(error) });
    }
  }
}
