import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { examine } from "../../src/bootstrap/server/candidate.ts";
import { type LaunchOptions, launchServer, type RunningServer } from "../../src/bootstrap/server/launch.ts";
import { locateServer } from "../../src/bootstrap/server/locate.ts";
import { executablesOnPath } from "../../src/bootstrap/server/path.ts";
import { InvalidConfig } from "../../src/errors.ts";

const MODULE = new URL("../../src/bootstrap/server/launch.ts", import.meta.url).href;

/** The nats-server that muster itself would take here, and more versions of it where PATH has them. */
const { path } = await locateServer({ env: process.env, allowInstall: true });
const found = new Map<string, string>();
for (const candidate of [path, ...(await executablesOnPath("nats-server", process.env))]) {
  const verdict = await examine(candidate, process.env);
  if (verdict.kind === "usable") found.set(verdict.version.split(".").slice(0, 2).join("."), candidate);
}

let home: string;
const servers: RunningServer[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "muster-server-"));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill()));
  await rm(home, { recursive: true, force: true });
});

async function launch(options: Partial<LaunchOptions> = {}): Promise<RunningServer> {
  const server = await launchServer({ path, storeDir: join(home, "store"), ...options });
  servers.push(server);
  return server;
}

/** Whether a process runs; one that is dead and not yet collected by its parent does not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !(process.platform === "linux" && / Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1")));
  } catch {
    return false;
  }
}

describe.each(["2.12", "2.14", "2.15"])("a nats-server of %s", (line) => {
  const file = found.get(line);
  const why = file === undefined ? ` (skipped: no nats-server ${line} on PATH)` : "";

  it.skipIf(file === undefined)(
    `starts with JetStream, takes every setting, and stops cleanly${why}`,
    async () => {
      const server = await launch({ path: file ?? "", syncAlways: true, maxStore: 50_000_000 });
      const connection = await connect({ servers: server.url });
      expect(connection.info?.version).toMatch(new RegExp(`^${line.replace(".", "\\.")}\\.`));
      expect(connection.info?.jetstream).toBe(true);
      const manager = await jetstreamManager(connection);
      const tooLarge = manager.streams.add({ name: "LARGE", subjects: ["large"], max_bytes: 60_000_000 });
      await expect(tooLarge).rejects.toThrow(/insufficient storage/);
      await connection.close();
      await server.stop();
      expect(await server.exited).toEqual({ code: 0, signal: null });
      expect(isAlive(server.pid)).toBe(false);
      expect(await readFile(server.logFile, "utf8")).not.toMatch(/\[(?:WRN|ERR|FTL)\]|unknown field/);
    },
  );
});

describe("a server that was started here", () => {
  it("keeps its streams from one start to the next, also when it was killed", async () => {
    const first = await launch();
    const connection = await connect({ servers: first.url });
    await (await jetstreamManager(connection)).streams.add({ name: "KEPT", subjects: ["kept"] });
    await jetstream(connection).publish("kept", "a message");
    await connection.close();
    await first.kill();
    expect(await first.exited).toEqual({ code: null, signal: "SIGKILL" });

    const second = await launch();
    const again = await connect({ servers: second.url });
    const info = await (await jetstreamManager(again)).streams.info("KEPT");
    await again.close();
    expect(info.state.messages).toBe(1);
  });

  it("can be stopped twice, and at the same time", async () => {
    const server = await launch();
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    await server.kill();
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  it("takes less than the free space of its disk unless told otherwise", async () => {
    const server = await launch();
    expect(server.maxStore).toBeGreaterThan(0);
    const configured = await readFile(join(server.storeDir, "nats-server.conf"), "utf8");
    expect(configured).toContain(`max_file_store: ${Math.floor(server.maxStore)}`);
  });

  it("takes further lines of configuration", async () => {
    const server = await launch({ extraConfig: "max_payload: 2000" });
    const connection = await connect({ servers: server.url });
    expect(connection.info?.max_payload).toBe(2000);
    await connection.close();
  });

  it("says which port is busy, and what to do", async () => {
    const busy = createServer().listen(0, "127.0.0.1");
    await once(busy, "listening");
    const address = busy.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const starting = launch({ port });
    await expect(starting).rejects.toThrow(InvalidConfig);
    await expect(starting).rejects.toThrow(
      new RegExp(`^Port ${port} on 127.0.0.1 is already in use: .*another port`),
    );
    busy.close();
  });

  it("tells the end of the log when it ends as it starts", async () => {
    const starting = launch({ extraConfig: "no_such_setting: true" });
    await expect(starting).rejects.toThrow(InvalidConfig);
    await expect(starting).rejects.toThrow(
      /ended as it started \(code 1\).*nats-server\.log:\n.*no_such_setting/s,
    );
  });

  it("is refused on a store that another one uses", async () => {
    const server = await launch();
    const second = launch({ storeWaitMs: 50 });
    await expect(second).rejects.toThrow(InvalidConfig);
    await expect(second).rejects.toThrow(
      new RegExp(`is in use by another nats-server \\(process ${server.pid}\\)`),
    );
  });

  it("says so when the file is no program", async () => {
    const file = join(home, "no-program");
    await writeFile(file, "text");
    await expect(launch({ path: file })).rejects.toThrow(/could not be started from .*no-program: .*EACCES/);
    await expect(launch({ path: join(home, "missing") })).rejects.toThrow(/ENOENT/);
  });

  it("is not left behind when starting is aborted", async () => {
    const silent = join(home, "silent-server");
    await writeFile(silent, `#!/bin/sh\necho $$ > ${home}/pid\nexec sleep 60\n`, { mode: 0o755 });
    const controller = new AbortController();
    const starting = launch({ path: silent, signal: controller.signal });
    const pid = await eventually(async () =>
      Number(await readFile(join(home, "pid"), "utf8").catch(() => "")),
    );
    controller.abort(new Error("enough"));
    await expect(starting).rejects.toThrow("enough");
    expect(isAlive(pid)).toBe(false);
  });
});

/** Looks until there is something: for what has no event to wait for. */
async function eventually(look: () => Promise<number>): Promise<number> {
  for (;;) {
    const value = await look();
    if (value > 0) return value;
    await new Promise((next) => setTimeout(next, 5));
  }
}

interface Launcher {
  child: ChildProcess & { stdin: Writable };
  server: { pid: number; port: number };
  /** A connection to the server, which ends when the server does. */
  socket: Socket;
}

describe("a server whose launcher is gone", () => {
  const started: Launcher[] = [];

  afterEach(() => {
    for (const { child, server } of started.splice(0)) {
      child.kill("SIGKILL");
      if (isAlive(server.pid)) process.kill(server.pid, "SIGKILL");
    }
  });

  /** Another process that launches a server, and exits when something is written to it. */
  async function launchElsewhere(options: Partial<LaunchOptions> = {}): Promise<Launcher> {
    const given = JSON.stringify({ path, storeDir: join(home, "store"), ...options });
    const program = `
      import { createJiti } from "jiti";
      process.on("SIGINT", () => {});
      process.stdin.once("data", () => process.exit(0));
      const { launchServer } = await createJiti(process.cwd()).import(${JSON.stringify(MODULE)});
      const { pid, port } = await launchServer(${given});
      console.log(JSON.stringify({ pid, port }));`;
    const args = ["--input-type=module", "-e", program];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"], detached: true });
    const printed = once(child.stdout, "data").then(([line]) => JSON.parse(String(line)));
    const ended = once(child, "exit").then(() => Promise.reject(new Error("the launcher ended at once")));
    const server = await Promise.race([printed, ended]);
    ended.catch(() => {});
    const socket = dial(server.port, "127.0.0.1");
    const launcher = { child, server, socket };
    started.push(launcher);
    await once(socket, "data");
    return launcher;
  }

  it("ends with it when that is killed, and its store can be used at once", async () => {
    const { child, server, socket } = await launchElsewhere();
    const ended = once(socket, "close");
    child.kill("SIGKILL");
    const next = launch();
    await ended;
    const { pid } = await next;
    expect(pid).not.toBe(server.pid);
    expect(isAlive(server.pid)).toBe(false);
  });

  it("ends with it when that exits without stopping it", async () => {
    const { child, server, socket } = await launchElsewhere();
    const ended = once(socket, "close");
    child.stdin.write("exit");
    await ended;
    await eventually(async () => (isAlive(server.pid) ? 0 : 1));
  });

  it("is not touched by a Ctrl+C that its launcher takes care of", async () => {
    const { child, socket } = await launchElsewhere();
    process.kill(-(child.pid ?? 0), "SIGINT");
    socket.write("PING\r\n");
    const [answer] = await once(socket, "data");
    expect(String(answer)).toContain("PONG");
  });

  it("goes on when it was started to outlive it", async () => {
    const { child, server, socket } = await launchElsewhere({ detached: true });
    const gone = once(child, "exit");
    child.stdin.write("exit");
    await gone;
    socket.write("PING\r\n");
    const [answer] = await once(socket, "data");
    expect(String(answer)).toContain("PONG");
    process.kill(server.pid, "SIGTERM");
    await once(socket, "close");
  });
});
