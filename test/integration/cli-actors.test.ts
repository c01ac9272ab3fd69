/** Actors as processes: `muster up`, and each actor by itself, from the built command line. */
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchServer } from "../../src/bootstrap/server/launch.ts";
import { locateServer } from "../../src/bootstrap/server/locate.ts";
import { CliHome, type CliProcess } from "../support/cli-home.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";
import { startProxy } from "../support/proxy.ts";

const WITNESS = fileURLToPath(new URL("../support/fixtures/handlers/witness.mjs", import.meta.url));
const STARTED = /"event":"actor\.started"/;
const ITEMS = "[1,2,3,4,5]";
/** Within it a second signal counts as an echo of the first. */
const ECHO_MS = 250;

let home: CliHome;
beforeEach(async () => {
  home = await CliHome.create();
});
afterEach(async () => {
  await home.remove();
});

/** `muster up` on a free port; resolves once it is up. */
async function up(...args: string[]): Promise<{ process: CliProcess; url: string }> {
  const process = home.start(["up", "--port", "-1", ...args]);
  await process.line(/is up; Ctrl\+C stops it/);
  const [, url = ""] = await process.line(/NATS +(nats:\S+),/);
  return { process, url };
}

async function withFleet<T>(url: string, work: (fleet: Fleet) => Promise<T>): Promise<T> {
  const fleet = await Fleet.join(url);
  return await work(fleet).finally(() => fleet.stop());
}

async function lines(file: string): Promise<string[]> {
  return (await readFile(file, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
}

async function until(file: string, word: string): Promise<void> {
  while (!(await lines(file)).some((line) => line.startsWith(word))) await delay(20);
}

/** A port that nobody listens on. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

describe("muster up", () => {
  it("starts all as processes, says where they are, works, and ends well on SIGTERM with nothing left", async () => {
    const { process, url } = await up("--ephemeral", "--workers", "2");
    expect((await home.processes()).length).toBeGreaterThanOrEqual(6);
    expect(process.stderr).toMatch(/data +ephemeral/);
    expect(process.stderr).toMatch(/actors +1 dispatcher, 2 workers of 1 slot, 1 aggregator/);
    expect(process.stderr).toContain(`nats --server ${url} req muster.run.double '[1,2,3,4,5]'`);
    expect(await withFleet(url, (fleet) => fleet.run("double", ITEMS))).toMatchObject({
      text: "[2,4,6,8,10]",
    });
    process.signal("SIGTERM");
    expect(await process.ended).toMatchObject({ code: 0, stdout: "" });
    await home.nothingLeft();
  });

  it("keeps its data in a folder, and finds it there the next time", async () => {
    const data = join(home.home, "data");
    const first = await up("--data", data, "--workers", "1");
    expect(first.process.stderr).toContain("kept in ~/data");
    const job = await withFleet(first.url, async (fleet) => (await fleet.run("double", "[21]")).outcome.job);
    first.process.signal("SIGINT");
    expect(await first.process.ended).toMatchObject({ code: 0 });
    const second = await up("--data", data, "--workers", "1");
    const outcome = await withFleet(second.url, (fleet) => fleet.client.peek(job));
    expect(outcome).toMatchObject({ state: "succeeded", body: "[42]" });
    second.process.signal("SIGINT");
    await second.process.ended;
    await home.nothingLeft();
  });

  it("leaves nothing when it is killed", async () => {
    const { process } = await up("--ephemeral", "--workers", "1");
    expect(await home.temporaryFiles()).toHaveLength(1);
    process.signal("SIGKILL");
    await process.ended;
    await home.nothingLeft();
  });

  it("starts a killed worker and a killed server again, and goes on working", async () => {
    const { process, url } = await up("--ephemeral", "--workers", "1", "--handlers", WITNESS);
    const who = async () =>
      await withFleet(url, async (fleet) => (await fleet.run("whoami", '[{"ms":0}]')).text);
    const [worker] = JSON.parse(await who()) as number[];
    globalThis.process.kill(worker ?? 0, "SIGKILL");
    await process.line(/worker ended \(SIGKILL\)/);
    await process.line(/worker takes part again/);
    expect(JSON.parse(await who())).not.toEqual([worker]);
    const storeFile = join(home.home, "tmp", (await home.temporaryFiles())[0] ?? "", "nats-server.pid");
    globalThis.process.kill(Number(await readFile(storeFile, "utf8")), "SIGKILL");
    await process.line(/nats-server runs again/);
    expect(JSON.parse(await who())).toHaveLength(1);
    process.signal("SIGTERM");
    expect(await process.ended).toMatchObject({ code: 0 });
  });

  it("ends at once at the second signal, whatever its workers are at", async () => {
    const { process, url } = await up("--ephemeral", "--workers", "1", "--handlers", WITNESS);
    const file = join(home.home, "witness");
    await withFleet(url, async (fleet) => {
      await fleet.client.submit({ kind: "witness", body: JSON.stringify([{ file, ms: 3_600_000 }]) });
      await until(file, "begin");
    });
    process.signal("SIGTERM");
    await process.line(/stopping in good order/);
    await delay(ECHO_MS);
    process.signal("SIGTERM");
    expect(await process.ended).toMatchObject({ code: 143, stdout: "" });
    await home.nothingLeft();
  });

  it("takes a repeated signal within a moment for the same wish", async () => {
    const { process } = await up("--ephemeral", "--workers", "1");
    process.signal("SIGINT");
    process.signal("SIGINT");
    expect(await process.ended).toMatchObject({ code: 0 });
  });

  it("refuses a port that is taken, and says what to do", async () => {
    const { process, url } = await up("--ephemeral", "--workers", "1");
    const port = new URL(url).port;
    const second = await home.run(["up", "--port", port, "--ephemeral"]);
    expect(second).toMatchObject({ code: 2, stdout: "" });
    expect(second.stderr).toContain(`Port ${port} is in use`);
    expect(second.stderr).toContain("[invalid_config]");
    process.signal("SIGTERM");
    await process.ended;
    await home.nothingLeft();
  });

  it("ends with the error of its actors when a handler module is no good, once, with nothing left", async () => {
    const file = join(home.home, "bad.mjs");
    await writeFile(file, "export const double = 2;\n");
    const run = await home.run(["up", "--port", "-1", "--ephemeral", "--handlers", file]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr.match(/\[handler_module_invalid\]/g)).toHaveLength(1);
    expect(run.stderr).toContain(file);
    await home.nothingLeft();
  });

  it("starts actors on a server that is given, and leaves that running", async () => {
    const server = await serverOnDisk();
    try {
      const running = home.start(["up", "--server", server.url, "--workers", "1"]);
      await running.line(/is up/);
      expect(running.stderr).toMatch(/data +kept by that server/);
      expect((await withFleet(server.url, (fleet) => fleet.run("double", "[1]"))).text).toBe("[2]");
      running.signal("SIGTERM");
      expect(await running.ended).toMatchObject({ code: 0 });
      await withFleet(server.url, async (fleet) => fleet.node.broker.flush());
    } finally {
      await server.remove();
    }
  });
});

describe("an actor by itself", () => {
  let server: ServerOnDisk;
  let fleet: Fleet;
  beforeAll(async () => {
    server = await serverOnDisk();
    fleet = await Fleet.join(server.url);
    await fleet.start("dispatcher");
    await fleet.start("aggregator", { handlers: [WITNESS] });
  });
  afterAll(async () => {
    await fleet.stop();
    await server.remove();
  });

  async function startWorker(...args: string[]): Promise<CliProcess> {
    const worker = home.start([
      "worker",
      "--server",
      server.url,
      "--handlers",
      WITNESS,
      "--slots",
      "1",
      ...args,
    ]);
    await worker.line(STARTED);
    return worker;
  }

  it.each(["dispatcher", "worker", "aggregator"])(
    "leaves well while the server is away, as %s",
    async (role) => {
      const proxy = await startProxy(server.port);
      try {
        const actor = home.start([role, "--server", `nats://127.0.0.1:${proxy.port}`]);
        await actor.line(STARTED);
        proxy.cut();
        await actor.line(/broker\.status.*disconnect/);
        actor.signal("SIGTERM");
        expect(await actor.ended).toMatchObject({ code: 0 });
      } finally {
        await proxy.stop();
      }
    },
  );

  it("joins while a job runs and takes part in it, and both workers drain", async () => {
    const first = await startWorker();
    const body = JSON.stringify(Array.from({ length: 200 }, () => ({ ms: 20 })));
    const job = await fleet.client.submit({ kind: "whoami", body, options: { chunk: 1 } });
    await new Promise<void>((resolve) => fleet.client.onProgress(job, ({ items }) => items > 0 && resolve()));
    const second = await startWorker("--id", "latecomer");
    const pids = JSON.parse((await fleet.result(job)).text) as number[];
    expect(pids).toHaveLength(200);
    expect(new Set(pids)).toEqual(new Set([first.pid, second.pid]));
    expect(second.stderr).toContain('"id":"latecomer"');
    for (const worker of [first, second]) worker.signal("SIGTERM");
    expect(await first.ended).toMatchObject({ code: 0, stdout: "" });
    expect(await second.ended).toMatchObject({ code: 0, stdout: "" });
  });

  it("finishes at SIGTERM what it has begun, once, and hands back what it has not", async () => {
    const file = join(home.home, "witness");
    const first = await startWorker();
    const body = JSON.stringify(Array.from({ length: 4 }, () => ({ file, ms: 700 })));
    const job = await fleet.client.submit({ kind: "witness", body, options: { chunk: 1 } });
    await until(file, "begin");
    first.signal("SIGTERM");
    const second = await startWorker();
    expect(await first.ended).toMatchObject({ code: 0, stdout: "" });
    const pids = JSON.parse((await fleet.result(job)).text) as number[];
    expect(new Set(pids)).toEqual(new Set([first.pid, second.pid]));
    expect((await lines(file)).filter((line) => line.startsWith("begin"))).toHaveLength(4);
    second.signal("SIGTERM");
    expect(await second.ended).toMatchObject({ code: 0 });
  });

  it("ends at once at the second SIGTERM, and its item runs elsewhere", async () => {
    const file = join(home.home, "witness");
    const first = await startWorker();
    const job = await fleet.client.submit({ kind: "witness", body: JSON.stringify([{ file, ms: 3_000 }]) });
    await until(file, "begin");
    first.signal("SIGTERM");
    await delay(ECHO_MS);
    first.signal("SIGTERM");
    expect(await first.ended).toMatchObject({ code: 143, stdout: "" });
    const second = await startWorker();
    expect(JSON.parse((await fleet.result(job)).text)).toEqual([second.pid]);
    second.signal("SIGTERM");
    expect(await second.ended).toMatchObject({ code: 0 });
  });

  it("refuses a fleet setting that is not the fleet's", async () => {
    const run = await home.run(["worker", "--server", server.url, "--lease", "3s"]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(
      /Setting "lease" is 10000 for this fleet, and 3000 was asked for.*--reconfigure/,
    );
  });

  it("says what is wrong with a handler module, in one sentence", async () => {
    const file = join(home.home, "bad.ts");
    await writeFile(file, "export default function double(: number) {}\n");
    const run = await home.run(["worker", "--server", server.url, "--handlers", file]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(
      /^muster: Handler module .*bad\.ts: syntax error at 1:\d+.* \[handler_module_invalid\]\n$/,
    );
  });

  it("is found by muster doctor, which fails where there is no server", async () => {
    const worker = await startWorker();
    const found = await home.run(["doctor", "--server", server.url, "--json"]);
    expect(found.code).toBe(0);
    const findings = JSON.parse(found.stdout) as { check: string; level: string; detail: string }[];
    expect(findings.find(({ check }) => check === "actors")).toMatchObject({
      level: "ok",
      detail: "1 dispatcher, 1 worker, 1 aggregator",
    });
    expect(findings.every(({ level }) => level !== "fail")).toBe(true);
    worker.signal("SIGTERM");
    await worker.ended;
    const none = await home.run(["doctor", "--server", "nats://127.0.0.1:1"]);
    expect(none.code).toBe(3);
    expect(none.stdout).toMatch(/^fail {2}connection .*No NATS server could be reached/m);
  });
});

describe("without a server", () => {
  it("an actor ends soon with exit code 3 and one sentence", async () => {
    const run = await home.run(["dispatcher", "--server", "nats://127.0.0.1:1"]);
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(run.stderr).toMatch(/^muster: No NATS server could be reached at .* \[broker_unreachable\]\n$/);
  });

  it("an actor whose connection breaks as it starts begins again, if asked to wait", async () => {
    const server = await serverOnDisk();
    let breaks = 1;
    const proxy = await startProxy(Number(new URL(server.url).port), (near, far) => {
      near.pipe(far);
      far.pipe(near);
      near.on("data", (bytes) => {
        if (bytes.includes("CONSUMER.CREATE.MUSTER_TASKS") && breaks-- > 0) near.destroy();
      });
    });
    try {
      const worker = home.start(["worker", "--server", `nats://127.0.0.1:${proxy.port}`, "--wait", "30s"]);
      await worker.line(STARTED);
      expect(breaks).toBeLessThanOrEqual(0);
      worker.signal("SIGTERM");
      expect(await worker.ended).toMatchObject({ code: 0 });
    } finally {
      await proxy.stop();
      await server.remove();
    }
  });

  it("an actor waits for one that comes later, if asked to", async () => {
    const port = await freePort();
    const actor = home.start(["aggregator", "--server", `nats://127.0.0.1:${port}`, "--wait", "60s"]);
    const { path } = await locateServer({ env: process.env, allowInstall: true });
    const server = await launchServer({ path, port, storeDir: join(home.home, "tmp", "store") });
    await actor.line(STARTED);
    actor.signal("SIGTERM");
    expect(await actor.ended).toMatchObject({ code: 0, stdout: "" });
    await server.stop();
  });
});
