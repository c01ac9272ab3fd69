import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, open, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { InvalidConfig, messageOf } from "../../errors.ts";
import { filesIn, formatConfiguration } from "./configuration.ts";
import { explainExit, explainSilence, type ServerExit } from "./failure.ts";
import { type Guardian, startGuardian } from "./guardian.ts";
import { portsFile, reachable, whenReady } from "./ready.ts";
import { prepareStore, storageLimit } from "./store.ts";

/** A large store is read back before the server greets, so the limit is a generous one, in ms. */
const START_LIMIT_MS = 120_000;
/** A guardian gives its server 5 s before it kills it. */
const STORE_WAIT_MS = 6000;
/** A server that was told to stop and does not is killed after this time, in ms. */
const STOP_LIMIT_MS = 15_000;

export interface LaunchOptions {
  /** The executable, as from `locateServer`. */
  path: string;
  /** 0 or -1 for any free port. @default 0 */
  port?: number | undefined;
  /** @default "127.0.0.1" */
  host?: string | undefined;
  /** Where the streams are kept; made when it is not there. One server at a time may use it. */
  storeDir: string;
  /** Bytes that all streams together may take. @default what they take now and 80 % of what is free on that disk */
  maxStore?: number | undefined;
  /** Sync to the disk before each acknowledgement: survives a loss of power, at about a third of the rate. @default false */
  syncAlways?: boolean | undefined;
  /** Lines of the server's configuration language, for example a `cluster` or an `authorization` block. */
  extraConfig?: string | undefined;
  /** @default `nats-server.log` in the store directory */
  logFile?: string | undefined;
  /** True leaves the server running when this process is gone, however it goes. @default false */
  detached?: boolean | undefined;
  /** How long another server may take to leave the store, in ms: one whose launcher was just killed needs a moment. @default 6000 */
  storeWaitMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** A nats-server that was started here. */
export interface RunningServer {
  /** As in `nats://127.0.0.1:4222`. */
  url: string;
  pid: number;
  port: number;
  storeDir: string;
  logFile: string;
  /** Bytes that all streams together may take. */
  maxStore: number;
  /** Sends the signal (SIGTERM unless another is named) and waits for the end; after 15 s it kills. Can be called twice. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Kills it at once (SIGKILL) and waits for the end. */
  kill(): Promise<void>;
  /** Settles when the server has ended, for whatever reason; never rejects. */
  exited: Promise<ServerExit>;
}

/**
 * Starts a nats-server with JetStream and waits until it greets. It ends when this process does, unless `detached`.
 * Throws {@link InvalidConfig} when the port or the store is taken or the configuration is refused, and
 * `BrokerUnreachable` when the server does not come up; both with the end of its log.
 *
 * @example
 * const server = await launchServer({ path: "/usr/bin/nats-server", storeDir: "./data" });
 * const connection = await connect({ servers: server.url });
 * await server.stop();
 */
export async function launchServer(options: LaunchOptions): Promise<RunningServer> {
  options.signal?.throwIfAborted();
  const plan = await makePlan(options);
  const log = await open(plan.logFile, "a", 0o600);
  try {
    const logStart = (await log.stat()).size;
    const process = await spawnServer(plan, log);
    return await whenUp(process, plan, logStart, options.signal);
  } finally {
    await log.close();
  }
}

interface Plan {
  path: string;
  host: string;
  port: number;
  storeDir: string;
  logFile: string;
  maxStore: number;
  detached: boolean;
}

async function makePlan(options: LaunchOptions): Promise<Plan> {
  const storeDir = resolve(options.storeDir);
  await prepareStore(storeDir, options.storeWaitMs ?? STORE_WAIT_MS);
  const plan: Plan = {
    path: options.path,
    host: options.host ?? "127.0.0.1",
    port: options.port || -1,
    storeDir,
    logFile: resolve(options.logFile ?? join(storeDir, "nats-server.log")),
    maxStore: options.maxStore ?? (await storageLimit(storeDir)),
    detached: options.detached ?? false,
  };
  const extra = options.extraConfig ?? "";
  const text = formatConfiguration({ ...plan, syncAlways: options.syncAlways ?? false, extra });
  // It may hold passwords.
  await writeFile(filesIn(storeDir).configuration, text, { mode: 0o600 });
  return plan;
}

interface ServerProcess {
  child: ChildProcess;
  pid: number;
  exited: Promise<ServerExit>;
}

/**
 * A server beside its actors on one machine lets its heap grow by half before it collects, not to the double: for a job of
 * 1,000,000 collected items 227 MB instead of 320, for some 2 % more of its CPU time. The environment may say otherwise.
 */
const LEAN = { GOGC: "50" };

async function spawnServer(plan: Plan, log: FileHandle): Promise<ServerProcess> {
  const guardian = plan.detached ? undefined : startGuardian();
  const child = spawn(plan.path, ["-c", filesIn(plan.storeDir).configuration], {
    // In a session of its own Ctrl+C does not reach it: muster drains first, then stops it.
    detached: true,
    env: { ...LEAN, ...process.env },
    stdio: ["ignore", log.fd, log.fd],
  });
  if (child.pid === undefined) return failToSpawn(child, plan, guardian);
  guardian?.guard(child.pid);
  if (plan.detached) child.unref();
  return { child, pid: child.pid, exited: exitOf(child, guardian) };
}

async function failToSpawn(child: ChildProcess, plan: Plan, guardian: Guardian | undefined): Promise<never> {
  const [error] = await once(child, "error");
  await guardian?.release();
  throw new InvalidConfig(`nats-server could not be started from ${plan.path}: ${messageOf(error)}`, {
    cause: error,
  });
}

/** The guardian is let go before anyone is told, so that it never sees the pid of another process. */
async function exitOf(child: ChildProcess, guardian: Guardian | undefined): Promise<ServerExit> {
  const exit = await new Promise<ServerExit>((settle) => {
    child.once("exit", (code, signal) => settle({ code, signal }));
  });
  await guardian?.release();
  return exit;
}

async function whenUp(
  server: ServerProcess,
  plan: Plan,
  logStart: number,
  signal: AbortSignal | undefined,
): Promise<RunningServer> {
  const giveUp = new AbortController();
  const ready = whenReady(
    portsFile(plan.path, server.pid, plan.storeDir),
    plan.host,
    startSignal(giveUp, signal),
  );
  try {
    const outcome = await Promise.race([ready, server.exited]);
    if (typeof outcome === "number") return running(server, plan, outcome);
    throw new Error("it ended");
  } catch (error) {
    giveUp.abort();
    await ready.catch(() => undefined);
    const exit = await end(server, "SIGKILL");
    signal?.throwIfAborted();
    const failed = { ...plan, logStart };
    throw exit.signal === "SIGKILL" ? await explainSilence(failed, error) : await explainExit(failed, exit);
  }
}

function startSignal(giveUp: AbortController, signal: AbortSignal | undefined): AbortSignal {
  const limits = [giveUp.signal, AbortSignal.timeout(START_LIMIT_MS)];
  return AbortSignal.any(signal === undefined ? limits : [...limits, signal]);
}

function running(server: ServerProcess, plan: Plan, port: number): RunningServer {
  const host = reachable(plan.host);
  return {
    url: `nats://${host.includes(":") ? `[${host}]` : host}:${port}`,
    pid: server.pid,
    port,
    storeDir: plan.storeDir,
    logFile: plan.logFile,
    maxStore: plan.maxStore,
    stop: async (signal = "SIGTERM") => {
      await end(server, signal);
    },
    kill: async () => {
      await end(server, "SIGKILL");
    },
    exited: server.exited,
  };
}

async function end(server: ServerProcess, signal: NodeJS.Signals): Promise<ServerExit> {
  server.child.kill(signal);
  const late = new AbortController();
  const limit = delay(STOP_LIMIT_MS, undefined, { signal: late.signal }).then(
    () => void server.child.kill("SIGKILL"),
    () => undefined,
  );
  const exit = await server.exited;
  late.abort();
  await limit;
  return exit;
}
