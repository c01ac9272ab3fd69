/** Handlers in any language: commands that are given items as lines. */
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { ExecExecutor } from "../../src/actors/handlers/exec-executor.ts";
import type { HandlerLogEntry } from "../../src/actors/handlers/handler.ts";
import { InvalidConfig } from "../../src/errors.ts";
import { cliProcess } from "../support/cli.ts";
import { Fleet, serverOnDisk } from "../support/fleet.ts";
import { codesOf, FOREVER, outputsOf, passOver } from "../support/passes.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../support/fixtures/exec/${name}`, import.meta.url));
const LINES = fixture("lines.mjs");

describe("a command as a handler", () => {
  let executor: ExecExecutor | undefined;
  const log: HandlerLogEntry[] = [];

  afterEach(async () => {
    await executor?.close();
    executor = undefined;
    log.length = 0;
  });

  async function start(script: string, more: { envelope?: boolean; slots?: number; args?: string[] } = {}) {
    const { envelope = false, slots = 1, args = [] } = more;
    const handler = {
      kind: "it",
      command: process.execPath,
      args: [script, ...args],
      envelope,
      env: process.env,
    };
    const onLog = (entry: HandlerLogEntry) => void log.push(entry);
    executor = await ExecExecutor.start({ handler, slots, worker: "w-1", cwd: ".", onLog });
    return executor;
  }

  async function run(items: readonly unknown[], more: Parameters<typeof passOver>[2] = {}, script = LINES) {
    const started = executor ?? (await start(script));
    return await started.run(passOver("it", items, more), FOREVER);
  }

  it("answers item by item, one process for all of them", async () => {
    expect(outputsOf(await run([1, 2.5, -3]))).toEqual({ 0: 2, 1: 5, 2: -6 });
    const pids = outputsOf(await run(["pid", "pid"]));
    expect(outputsOf(await run(["pid"]))[0]).toBe(pids[0]);
    expect(pids[1]).toBe(pids[0]);
  });

  it("runs one process a slot", async () => {
    const started = await start(LINES, { slots: 2 });
    const hang = passOver("it", ["hang"], { timeout: 1_000 });
    const both = [started.run(hang, FOREVER), started.run(passOver("it", [4]), FOREVER)];
    expect(outputsOf((await both[1])!)).toEqual({ 0: 8 });
    expect(codesOf((await both[0])!)).toEqual(["0: handler_timed_out"]);
  });

  it("is told its kind, its arguments and nothing of the worker's other affairs", async () => {
    await start(LINES, { args: ["--model", "small one"] });
    expect(outputsOf(await run(["env"]))).toEqual({ 0: ["it", ["--model", "small one"]] });
  });

  it.each([
    ["ends", "die", "The handler's process died: it exited with code 3."],
    ["is killed", "kill", "The handler's process died: it was ended by SIGKILL."],
    [
      "prints what is no output",
      "print",
      "The handler's process died: it wrote a line that is not JSON: debug: here",
    ],
  ])("fails the attempt at an item whose process %s, and goes on with another", async (_, item, message) => {
    const result = await run([1, item, 3]);
    expect(outputsOf(result)).toEqual({ 0: 2, 2: 6 });
    expect(result.failures).toMatchObject([{ index: 1, code: "handler_crashed", message, permanent: false }]);
  });

  it("ends a process that answers what was not asked, before it can answer for another item", async () => {
    expect(outputsOf(await run(["twice"]))).toEqual({ 0: 1 });
    expect(outputsOf(await run([5]))).toEqual({ 0: 10 });
  });

  it("starts another process after one that ended in peace", async () => {
    expect(outputsOf(await run([1, "leave", "leave", 4]))).toEqual({ 0: 2, 1: "left", 2: "left", 3: 8 });
  });

  it("ends a process that takes too long", async () => {
    // The time of an item includes the start of the process that takes it, which a busy machine draws out.
    const result = await run([1, "hang", 3], { timeout: 2_000 });
    expect(outputsOf(result)).toEqual({ 0: 2, 2: 6 });
    expect(codesOf(result)).toEqual(["1: handler_timed_out"]);
  });

  it("ends a process whose pass is aborted", async () => {
    const started = await start(LINES);
    const abort = new AbortController();
    const running = started.run(passOver("it", ["hang", 2]), abort.signal);
    setTimeout(() => abort.abort(), 50);
    expect((await running).notRun).toEqual([0, 1]);
    expect(outputsOf(await run([2]))).toEqual({ 0: 4 });
  });

  it("refuses an output that JavaScript cannot hold, and keeps the process", async () => {
    const result = await run(["pid", "large", "pid"]);
    expect(codesOf(result)).toEqual(["1: invalid_output"]);
    expect(outputsOf(result)[2]).toBe(outputsOf(result)[0]);
  });

  it("puts what it writes to standard error into the log, with its item", async () => {
    await run([1, { log: "seen" }, { log: "more" }]);
    const seen = () => log.find(({ message }) => message === "seen");
    while (seen() === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(seen()).toMatchObject({ level: "info", kind: "it" });
  });

  it("settles items by word in envelopes", async () => {
    await start(fixture("envelopes.mjs"), { envelope: true });
    const items = [
      null,
      { output: 1 },
      { error: "no such user", permanent: true },
      { error: "busy", retryAfter: 70 },
      { error: { odd: true } },
      {},
    ];
    const result = await run(items, { from: 10, attempts: { 0: 2 } });
    expect(outputsOf(result)).toEqual({ 10: { job: "job-1", kind: "it", index: 10, attempt: 2 }, 11: 1 });
    expect(result.failures).toMatchObject([
      { index: 12, message: "no such user", permanent: true },
      { index: 13, message: "busy", retryAfter: 70 },
      { index: 14, message: '{"odd":true}', permanent: false },
      { index: 15, code: "invalid_output" },
    ]);
  });

  it("says so at once when it cannot be started", async () => {
    const handler = { kind: "it", command: "/no/such/command", args: [], env: {} };
    const starting = ExecExecutor.start({ handler, slots: 1, worker: "w", cwd: ".", onLog: () => {} });
    await expect(starting).rejects.toThrow(InvalidConfig);
  });
});

describe("muster worker exec", () => {
  it("serves a kind by a command, tries again what its process died with, and ends in good order", async () => {
    const server = await serverOnDisk();
    const fleet = await Fleet.join(server.url);
    try {
      await fleet.start("dispatcher");
      await fleet.start("aggregator");
      const args = ["worker", "exec", "--kind", "lines", "--slots", "2", "--", process.execPath, LINES];
      const worker = cliProcess(args, server.url);
      await worker.stderr.until(/actor\.started/);
      const items = Array.from({ length: 200 }, (_, i) => (i === 77 ? "die" : i));
      const options = { onError: "continue", maxAttempts: 2, backoff: 1 };
      const { outcome, text } = await fleet.run("lines", JSON.stringify(items), options);
      expect(JSON.parse(text)).toEqual(items.map((item) => (typeof item === "number" ? item * 2 : null)));
      expect(outcome.failures).toMatchObject([{ index: 77, code: "handler_crashed", attempts: 2 }]);
      worker.kill("SIGTERM");
      expect((await worker.ended).code).toBe(0);
    } finally {
      await fleet.stop();
      await server.remove();
    }
  });

  it("is refused without a kind, a command, or with one that is not there", async () => {
    const server = await serverOnDisk();
    try {
      const run = async (...args: string[]) =>
        await cliProcess(["worker", "exec", ...args], server.url).ended;
      expect(await run("--", "cat")).toMatchObject({ code: 2, stderr: expect.stringContaining("--kind") });
      expect((await run("--kind", "k")).code).toBe(2);
      const missing = await run("--kind", "k", "--", "/no/such/command");
      expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot be started") });
    } finally {
      await server.remove();
    }
  });
});
