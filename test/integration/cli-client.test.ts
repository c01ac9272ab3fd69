/** The client commands on a real nats-server, with actors in this process. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Node } from "../../src/bootstrap/node.ts";
import { Captured, type CliWorld, cli, cliProcess } from "../support/cli.ts";
import { Fleet, restarted, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

let server: ServerOnDisk;
let fleet: Fleet;
/** Tells of the jobs that the dispatcher takes. */
let dispatcher: Node;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-cli-"));
  server = await serverOnDisk();
  fleet = await Fleet.join(server.url);
  dispatcher = (await fleet.start("dispatcher")).node;
  await fleet.start("aggregator");
  await writeFile(join(folder, "handlers.mjs"), "export const power = (n) => 2n ** BigInt(n);\n");
  await fleet.start("worker", { slots: 2, handlers: [join(folder, "handlers.mjs")] });
});
afterAll(async () => {
  await fleet.stop();
  await server.remove();
  await rm(folder, { recursive: true });
});

/** Runs a command against the test's server. */
function muster(args: readonly string[], world: CliWorld = {}) {
  return cli(args, { ...world, env: { NATS_URL: server.url } });
}

const CONTROL = /[^\P{Cc}\n]/u;
const idle = (key: string) => ["sleep", "[60000]", "--key", key];

/** Resolves once the dispatcher has the job. */
async function taken(job: string): Promise<void> {
  await dispatcher.events.once("job.accepted", (event) => event.job === job);
}

async function dead(job: string): Promise<{ index: number; input: unknown }[]> {
  return JSON.parse((await muster(["dead", "ls", job, "--json"])).stdout);
}

describe("muster map", () => {
  it("prints the result, and nothing else", async () => {
    const run = await muster(["map", "double", "[1,2,3,4,5]"]);
    expect(run).toEqual({ code: 0, stdout: "[2,4,6,8,10]\n", stderr: "" });
  });

  it("prints the exact sum of a range", async () => {
    const run = await muster(["map", "double", "--range", "0:100000", "--reduce", "sum"]);
    expect(run).toEqual({ code: 0, stdout: "9999900000\n", stderr: "" });
  });

  it("prints integers beyond what JavaScript holds, digit by digit", async () => {
    const run = await muster(["map", "power", "[53,100]"]);
    expect(run).toMatchObject({ code: 0, stdout: `[${2n ** 53n},${2n ** 100n}]\n` });
  });

  it("gives zero items their empty result", async () => {
    expect(await muster(["map", "double", "[]"])).toMatchObject({ code: 0, stdout: "[]\n" });
    expect(await muster(["map", "double", "[]", "--reduce", "sum"])).toMatchObject({
      code: 0,
      stdout: "0\n",
    });
  });

  it("ships 300,000 items through the object store and streams them back, equal one by one", async () => {
    const items = `[${Array.from({ length: 300_000 }, (_, i) => (i % 7 === 0 ? `"${i}"` : i)).join(",")}]`;
    await writeFile(join(folder, "big.json"), items.replaceAll(",", ",\n"));
    const run = await muster(["map", "echo", "@big.json"], { cwd: folder });
    expect(run.code).toBe(0);
    expect(run.stdout === `${items}\n`).toBe(true);
  });

  it("keeps the options of a body that is larger than a message, and the flags before them", async () => {
    const items = Array.from({ length: 200_000 }, (_, i) => i);
    const stdin = JSON.stringify({ items, reduce: "count", key: "large-body" });
    expect(await muster(["map", "echo", "-"], { stdin })).toMatchObject({ code: 0, stdout: "200000\n" });
    const again = await muster(["map", "echo", "-", "--reduce", "max", "--key", "large-2"], { stdin });
    expect(again).toMatchObject({ code: 0, stdout: "199999\n" });
    expect((await muster(["result", "large-body"])).stdout).toBe("200000\n");
  });

  it("runs a key once, however often it is given", async () => {
    const first = await muster(["map", "double", "[1]", "--key", "once"]);
    const second = await muster(["map", "double", "[2]", "--key", "once"]);
    expect([first.stdout, second.stdout]).toEqual(["[2]\n", "[2]\n"]);
  });

  it("fails with exit code 1, its items on stderr and nothing on stdout", async () => {
    const run = await muster(["map", "fail", '[{"permanent":true}]']);
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toMatch(/^muster: Job \S+ failed: Item 0 failed .* \[handler_failed\]\n$/);
  });

  it("ends well when failed items may be left out, and names them on stderr", async () => {
    const input = '[{"permanent":true},{"times":0},{"permanent":true}]';
    const run = await muster(["map", "fail", input, "--on-error", "continue"]);
    expect(run).toMatchObject({ code: 0, stdout: '[null,{"times":0},null]\n' });
    expect(run.stderr).toMatch(/^muster: 2 of 3 items of job \S+ failed/);
    expect(run.stderr).toMatch(/^ {2}item 0: .*\n {2}item 2: /m);
  });

  it("says which kinds there are where no worker serves the kind, and waits no longer than it may", async () => {
    const run = await muster(["map", "doubel", "[1]", "--key", "nobody", "--wait", "1s"]);
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(run.stderr).toMatch(/No worker serves kind "doubel".*known: double, echo.*Did you mean "double"/);
    expect(run.stderr).toContain("muster result nobody --wait");
    expect(await muster(["cancel", "nobody"])).toMatchObject({ code: 0, stdout: "" });
  });

  it("goes on when the wait is over: the job's result can be read later", async () => {
    const run = await muster(["map", "sleep", "[700]", "--key", "later", "--wait", "50ms", "--json"]);
    expect(run.code).toBe(4);
    expect(JSON.parse(run.stdout)).toEqual({ job: "later", state: "running" });
    expect(await muster(["result", "later", "--wait"])).toEqual({ code: 0, stdout: "[700]\n", stderr: "" });
  });

  it("ends with exit code 5 when someone cancels the job", async () => {
    const accepted = taken("to-cancel");
    const mapping = muster(["map", ...idle("to-cancel")]);
    await accepted;
    expect(await muster(["cancel", "to-cancel"])).toMatchObject({ code: 0, stdout: "" });
    const run = await mapping;
    expect(run).toMatchObject({ code: 5, stdout: "" });
    expect(run.stderr).toContain("[job_cancelled]");
  });

  it("prints one JSON object when asked for, result and errors in it", async () => {
    const good = JSON.parse((await muster(["map", "double", "[1,2]", "--json"])).stdout);
    expect(good).toMatchObject({ kind: "double", state: "succeeded", result: [2, 4], counts: { items: 2 } });
    const bad = await muster(["map", "fail", "[1]", "--max-attempts", "1", "--json"]);
    expect(bad).toMatchObject({ code: 1, stderr: "" });
    expect(JSON.parse(bad.stdout)).toMatchObject({
      ...{ state: "failed", error: { code: "handler_failed" } },
      failures: [{ index: 0, attempts: 1 }],
    });
  });

  it("keeps waiting while the server is away, and says so", async () => {
    const own = await serverOnDisk();
    await (await Fleet.join(own.url)).stop();
    const stderr = new Captured();
    const mapping = cli(["map", "double", "[4]"], { env: { NATS_URL: own.url }, stderr });
    await stderr.until(/No worker serves/);
    await own.stop();
    await stderr.until(/connection to \S+ was lost/);
    const again = await restarted(own);
    const others = await Fleet.join(again.url);
    await others.startAll();
    expect(await mapping).toMatchObject({ code: 0, stdout: "[8]\n" });
    await others.stop();
    await again.stop();
    await own.remove();
  });

  it("draws a bar on a terminal's stderr, and on nothing else", async () => {
    const stderr = new Captured({ isTTY: true });
    const onTerminal = await muster(["map", "sleep", "[300,300,300]", "--chunk", "1"], { stderr });
    expect(onTerminal.stdout).toBe("[300,300,300]\n");
    expect(onTerminal.stderr).toContain("/3 items");
    expect(await muster(["map", "sleep", "[10]"])).toEqual({ code: 0, stdout: "[10]\n", stderr: "" });
  });
});

describe("a server without a fleet", () => {
  it("is told from one that cannot be reached, and nothing is created on it", async () => {
    const own = await serverOnDisk();
    const { code, stderr } = await cli(["status"], { env: { NATS_URL: own.url } });
    expect(code).toBe(3);
    expect(stderr).toMatch(/No muster fleet runs at .*start one with "muster up/);
    const fleet = await Fleet.join(own.url, { lease: "3s" });
    expect(fleet.node.settings.lease).toBe(3_000);
    await fleet.stop();
    await own.remove();
  });
});

describe("wrong usage", () => {
  it.each([
    [["map", "double"], "invalid_body"],
    [["map", "double", "[1"], "invalid_json"],
    [["map", "a.b", "[1]"], "invalid_name"],
    [["map", "double", "[1]", "--reduce", "sumn"], 'Did you mean "sum"?'],
    [["map", "double", "[1]", "--reduc", "sum"], "Did you mean --reduce?"],
    [["map", "double", "[1]", "--wait", "soon"], "invalid_option"],
    [["submit", "double", "[1]", "--max-attempts", "many"], "--max-attempts"],
    [["result", "a.*"], "invalid_name"],
    [["result", "--wait", "later"], "before --wait"],
    [["status", "--limit", "0"], "--limit"],
    [["cancel"], "usage"],
    [["dead", "redrive", "x", "--on-error", "no"], "--on-error"],
  ])("ends with exit code 2 before a server is needed: %j", async (args, words) => {
    const run = await cli(args, { env: { NATS_URL: "nats://127.0.0.1:1" } });
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain(words);
    expect(run.stderr).not.toMatch(CONTROL);
  });

  it("is told apart from a server that is out of reach", async () => {
    const run = await cli(["map", "double", "[1]"], { env: { NATS_URL: "nats://127.0.0.1:1" } });
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(run.stderr).toContain("[broker_unreachable]");
  });

  it("is told of a reducer that does not fit the outputs", async () => {
    const run = await muster(["map", "echo", '["a"]', "--reduce", "sum"]);
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toContain("[reducer_mismatch]");
  });
});

describe("muster submit and result", () => {
  it("print the job's id, and its result", async () => {
    const submitted = await muster(["submit", "double", "[21]"]);
    expect(submitted).toMatchObject({ code: 0, stderr: "" });
    const job = submitted.stdout.trim();
    expect(submitted.stdout).toBe(`${job}\n`);
    expect(await muster(["result", job, "--wait", "20s"])).toEqual({ code: 0, stdout: "[42]\n", stderr: "" });
  });

  it("end with exit code 4 for a job that runs, and 2 for one that nobody knows", async () => {
    const accepted = taken("running");
    await muster(["submit", ...idle("running")]);
    await accepted;
    const run = await muster(["result", "running"]);
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(run.stderr).toContain("muster result running --wait");
    expect(JSON.parse((await muster(["result", "running", "--json"])).stdout)).toMatchObject({
      error: { code: "job_not_finished" },
    });
    await muster(["cancel", "running"]);
    expect(await muster(["result", "running"])).toMatchObject({ code: 5, stdout: "" });
    const unknown = await muster(["result", "nobody-knows"]);
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toContain("[unknown_job]");
  });
});

describe("muster status, workers and watch", () => {
  it("show jobs, workers and streams in aligned tables", async () => {
    await muster(["map", "double", "[1]", "--key", "seen"]);
    const run = await muster(["status"]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toContain("1 dispatcher, 1 aggregator, 1 worker with 2 slots");
    expect(run.stdout).toMatch(/^seen +double +succeeded +1\/1 +0 /m);
    expect(run.stdout).toMatch(/^MUSTER_OUTCOMES +\d+ +\S+ \w+$/m);
    expect(run.stdout).not.toMatch(CONTROL);
  });

  it("show the same as JSON", async () => {
    await muster(["map", "double", "[1]", "--key", "seen"]);
    const status = JSON.parse((await muster(["status", "--json"])).stdout);
    expect(status.jobs).toContainEqual(
      expect.objectContaining({ job: "seen", state: "succeeded", items: 1 }),
    );
    expect(status.workers).toEqual([expect.objectContaining({ slots: 2, role: "worker" })]);
    expect(status.streams).toContainEqual(expect.objectContaining({ stream: "MUSTER_JOBS" }));
    expect(status.queues).toContainEqual(expect.objectContaining({ queue: "double", pending: 0 }));
    const workers = JSON.parse((await muster(["workers", "--json"])).stdout);
    expect(workers[0].kinds).toContain("double");
    expect(workers[0].items).toBeGreaterThan(0);
    expect((await muster(["workers"])).stdout).toMatch(/^WORKER +HOST +PID/);
  });

  it("show one job, over or running", async () => {
    await muster(["map", "double", "[1]", "--key", "seen"]);
    expect((await muster(["status", "seen"])).stdout).toMatch(/^state +succeeded$/m);
    expect(JSON.parse((await muster(["status", "seen", "--json"])).stdout)).toMatchObject({
      items: 1,
      failed: 0,
    });
    expect(await muster(["status", "nobody-knows"])).toMatchObject({ code: 2, stdout: "" });
  });

  it("follow a job to its end, one line a change", async () => {
    const accepted = taken("followed");
    await muster(["submit", "sleep", "[150,150,150,150]", "--chunk", "1", "--key", "followed"]);
    await accepted;
    const run = await muster(["watch", "followed"]);
    const lines = run.stdout.trimEnd().split("\n");
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(lines.length).toBeGreaterThan(1);
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.at(-1)).toBe("followed  sleep  succeeded  4/4 items, 0 failed");
    const over = await muster(["watch", "followed", "--json"]);
    expect(JSON.parse(over.stdout)).toMatchObject({ state: "succeeded", items: 4, total: 4 });
  });

  it("take the exit code of a job that failed", async () => {
    await muster(["map", "fail", "[1]", "--max-attempts", "1", "--key", "watched-failure"]);
    expect(await muster(["watch", "watched-failure"])).toMatchObject({ code: 1 });
  });
});

describe("muster dead", () => {
  it("lists failed items, with their inputs as they were, and hands them in again", async () => {
    const input = '[{"permanent":true,"n":1.50},{"times":0},{"permanent":true}]';
    await muster(["map", "fail", input, "--on-error", "continue", "--key", "with-dead"]);
    expect((await dead("with-dead")).map(({ index }) => index).sort()).toEqual([0, 2]);
    const listed = await muster(["dead", "ls", "with-dead"]);
    expect(listed.stdout).toMatch(/^with-dead +fail +0 +1 /m);
    expect((await muster(["dead", "ls", "with-dead", "--json"])).stdout).toContain('"n":1.50');
    const redriven = await muster(["dead", "redrive", "with-dead", "--on-error", "continue"]);
    expect(redriven.stderr).toContain("2 failed items of job with-dead");
    const again = redriven.stdout.trim();
    expect(await muster(["result", again, "--wait"])).toMatchObject({ code: 0, stdout: "[null,null]\n" });
    expect(await dead("with-dead")).toEqual([]);
    expect(await dead(again)).toHaveLength(2);
  });

  it("has nothing to hand in for a job without failed items", async () => {
    expect(await muster(["dead", "redrive", "nobody-knows"])).toMatchObject({ code: 2, stdout: "" });
    expect(await muster(["dead", "ls", "nobody-knows"])).toMatchObject({
      code: 0,
      stdout: "No dead letters.\n",
    });
  });
});

describe("as a process", () => {
  it("prints a result, and ends", async () => {
    const run = await cliProcess(["map", "double", "[1,2,3]"], server.url).ended;
    expect(run).toEqual({ code: 0, stdout: "[2,4,6]\n", stderr: "" });
  });

  it("ends with 130 on Ctrl-C, says that the job goes on, and how to cancel it", async () => {
    const accepted = taken("interrupted");
    const process = cliProcess(["map", ...idle("interrupted")], server.url);
    await accepted;
    process.kill("SIGINT");
    const run = await process.ended;
    expect(run).toMatchObject({ code: 130, stdout: "" });
    expect(run.stderr).toContain("Job interrupted goes on.");
    expect(run.stderr).toContain("muster cancel interrupted");
    expect(await muster(["result", "interrupted"])).toMatchObject({ code: 4 });
    expect(await muster(["cancel", "interrupted"])).toMatchObject({ code: 0 });
  });

  it("shows events until it is told to stop", async () => {
    const process = cliProcess(["watch", "--json"], server.url);
    await process.stderr.until(/Watching muster\.events/);
    await muster(["map", "double", "[1]", "--key", "shown"]);
    await process.stdout.until(/"type":"finished".*"job":"shown"/);
    process.kill("SIGTERM");
    expect((await process.ended).code).toBe(143);
    const events = process.stdout.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ type }) => type)).toContain("accepted");
  });
});
