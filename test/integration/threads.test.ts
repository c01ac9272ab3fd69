/** Real threads, and handlers that do their worst in them. */
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { HandlerLogEntry } from "../../src/actors/handlers/handler.ts";
import type { HandlerSet } from "../../src/actors/handlers/handler-set.ts";
import { MixedExecutor } from "../../src/actors/handlers/mixed-executor.ts";
import type { Inputs, PassRequest } from "../../src/actors/handlers/pass.ts";
import { loadHandlers } from "../../src/actors/handlers/registry.ts";
import { ThreadExecutor, type ThreadOptions } from "../../src/actors/handlers/thread-executor.ts";
import { MusterError, UnknownKind } from "../../src/errors.ts";
import { codesOf, FOREVER, outputsOf, passOver } from "../support/passes.ts";

const FIXTURES = fileURLToPath(new URL("../support/fixtures/handlers/", import.meta.url));

let handlers: HandlerSet;
let threads: ThreadExecutor;
/** Told of each log entry; tests that wait for one replace it. */
let heard: (entry: HandlerLogEntry) => void = () => {};

beforeAll(async () => {
  handlers = await loadHandlers(["trouble.mjs", "typed.ts"], { cwd: FIXTURES });
  threads = executor();
  await threads.ready();
});

afterAll(() => threads.close());

afterEach(() => {
  heard = () => {};
});

function executor(more: Partial<ThreadOptions> = {}): ThreadExecutor {
  return new ThreadExecutor({ handlers, slots: 1, worker: "w-1", onLog: (entry) => heard(entry), ...more });
}

const run = (request: PassRequest, signal = FOREVER) => threads.run(request, signal);
const trouble = (items: readonly unknown[], more: Partial<PassRequest> = {}) =>
  passOver("trouble", items, more);

/** Resolves with the first entry whose message is `message`. */
function entry(message: string): Promise<HandlerLogEntry> {
  return new Promise((resolve) => {
    heard = (found) => {
      if (found.message === message) resolve(found);
    };
  });
}

describe("a pass in a thread", () => {
  it("gives the outputs of its items in one piece", async () => {
    const result = await run(trouble([1, 2, 3], { from: 40 }));
    expect(result).toMatchObject({
      pieces: [{ from: 40, count: 3, partial: "[2,4,6]" }],
      failures: [],
      notRun: [],
    });
    expect(result.handlerMs).toBeGreaterThan(0);
  });

  it.each<[string, Inputs]>([
    ["text", { type: "items", json: "[1,2,3]" }],
    ["bytes", { type: "items", json: new TextEncoder().encode("[1,2,3]") }],
    [
      "a view into a larger buffer",
      { type: "items", json: new TextEncoder().encode("--[1,2,3]--").subarray(2, 9) },
    ],
    ["a range", { type: "range", start: 1, step: 1, count: 3 }],
  ])("reads its items from %s, and leaves them as they were", async (_what, inputs) => {
    const before = structuredClone(inputs);
    const result = await run({ ...trouble([0, 0, 0]), inputs });
    expect(outputsOf(result)).toEqual({ 0: 2, 1: 4, 2: 6 });
    expect(inputs).toEqual(before);
  });

  it("runs only the items that are asked for, one piece per run of neighbours", async () => {
    const result = await run(trouble([1, 2, 3, 4, 5], { offsets: [0, 1, 4] }));
    expect(result.pieces).toMatchObject([
      { from: 0, count: 2, partial: "[2,4]" },
      { from: 4, count: 1, partial: "[10]" },
    ]);
  });

  it("reduces in the thread, to one piece where order does not matter", async () => {
    const reduce = { name: "sum", params: {} };
    const result = await run(trouble([1, { do: "throw" }, 3], { reduce }));
    expect(result.pieces).toMatchObject([{ from: 0, count: 2 }]);
    expect(codesOf(result)).toEqual(["1: handler_failed"]);
  });

  it("tells the handler about its item", async () => {
    const result = await run(passOver("told", [{}, {}], { from: 7, attempts: { 1: 3 } }));
    const common = { job: "job-1", kind: "told", worker: "w-1" };
    expect(outputsOf(result)).toEqual({
      7: { ...common, index: 7, attempt: 1 },
      8: { ...common, index: 8, attempt: 3 },
    });
  });

  it("brings the handler's log entries to the main thread", async () => {
    const noted = entry("remember");
    await run(passOver("told", [{ note: "remember" }], { from: 5 }));
    expect(await noted).toEqual({
      ...{ level: "warn", message: "remember", fields: { seen: true } },
      ...{ job: "job-1", kind: "told", index: 5, attempt: 1, worker: "w-1" },
    });
  });

  it("keeps a log entry whose fields cannot leave the thread", async () => {
    const noted = entry("with a function");
    await run(passOver("unloggable", [1]));
    expect(await noted).toMatchObject({ level: "error", message: "with a function" });
  });

  it("runs handlers written in TypeScript", async () => {
    expect(outputsOf(await run(passOver("total", [{ price: 2, count: 3 }])))).toEqual({ 0: { scaled: 600 } });
    expect(outputsOf(await run(passOver("half", [3])))).toEqual({ 0: 1.5 });
  });

  it("carries an output of 5 MB", async () => {
    const outputs = outputsOf(await run(trouble([1, { do: "huge" }, 3])));
    expect(outputs).toMatchObject({ 0: 2, 2: 6 });
    expect(String(outputs[1])).toHaveLength(5 * 1024 * 1024);
  });

  it("is refused for a kind that has no handler, and for a reducer that is none", async () => {
    await expect(run(passOver("nope", [1]))).rejects.toThrow(UnknownKind);
    const reduce = { name: "nope", params: {} };
    await expect(run(trouble([1], { reduce }))).rejects.toMatchObject({
      code: "unknown_reducer",
      status: 400,
    });
    await expect(run(trouble([1], { reduce }))).rejects.toThrow(MusterError);
  });
});

describe("an item whose handler misbehaves", () => {
  it.each([
    ["throws", "throw", { code: "handler_failed", message: "thrown in the open", permanent: false }],
    ["rejects", "reject", { code: "handler_failed", message: "thrown after a wait", permanent: false }],
    ["throws a string", "throw-string", { code: "handler_failed", message: "it threw just a string" }],
    ["throws undefined", "throw-nothing", { code: "handler_failed", message: "it threw undefined" }],
    ["throws what cannot be looked at", "throw-hostile", { code: "handler_failed" }],
    ["returns a circle", "circle", { code: "invalid_output", permanent: true }],
    ["returns NaN", "nan", { code: "invalid_output", permanent: true }],
    ["returns NaN deep inside", "nested-nan", { code: "invalid_output", permanent: true }],
    ["returns a function", "function", { code: "invalid_output", permanent: true }],
  ])("fails alone when it %s", async (_what, deed, failure) => {
    const result = await run(trouble([1, { do: deed }, 3], { from: 10, attempts: { 1: 2 } }));
    expect(outputsOf(result)).toEqual({ 10: 2, 12: 6 });
    expect(result.failures).toMatchObject([
      { index: 11, attempt: 2, input: JSON.stringify({ do: deed }), ...failure },
    ]);
    expect(result.notRun).toEqual([]);
  });

  it("shows where an error of the user's was thrown", async () => {
    const [failure] = (await run(trouble([{ do: "throw" }]))).failures;
    expect(failure?.stack).toMatch(/trouble\.mjs:\d+/);
  });

  it.each([
    ["nothing", "nothing", null],
    ["a thenable", "thenable", "from a thenable"],
  ])("is fine when it returns %s", async (_what, deed, output) => {
    expect(outputsOf(await run(trouble([{ do: deed }])))).toEqual({ 0: output });
  });

  it("writes a bigint as an integer", async () => {
    const result = await run(trouble([{ do: "bigint" }]));
    expect(result.pieces).toMatchObject([{ partial: `[${2n ** 70n}]` }]);
  });

  it("times out when it never settles, and its neighbours run", async () => {
    const result = await run(trouble([1, { do: "never" }, 3], { timeout: 60 }));
    expect(outputsOf(result)).toEqual({ 0: 2, 2: 6 });
    expect(result.failures).toMatchObject([
      { index: 1, code: "handler_timed_out", message: expect.stringContaining("60 ms"), permanent: false },
    ]);
  });

  it("has its signal aborted when it times out", async () => {
    const aborted = entry("aborted");
    const result = await run(trouble([{ do: "until-aborted" }], { timeout: 60, from: 3 }));
    expect(codesOf(result)).toEqual(["3: handler_timed_out"]);
    expect(await aborted).toMatchObject({ index: 3 });
  });

  it("has its thread ended when it spins past its timeout; the others come back as not run", async () => {
    const result = await run(
      trouble([1, 2, { do: "spin" }, 4], { timeout: 80, from: 20, offsets: [1, 2, 3] }),
    );
    expect(result.pieces).toEqual([]);
    expect(result.failures).toMatchObject([{ index: 22, code: "handler_timed_out", input: '{"do":"spin"}' }]);
    expect(result.notRun).toEqual([1, 3]);
    expect(outputsOf(await run(trouble([5])))).toEqual({ 0: 10 });
  });

  it.each([
    ["calls process.exit", "exit", /code 3/],
    ["calls process.exit later", "exit-later", /code 0/],
    ["throws where nobody catches it", "uncaught", /nobody catches this/],
  ])("is to blame when it %s and the thread dies", async (_what, deed, message) => {
    const result = await run(trouble([1, { do: deed }, 3], { from: 30 }));
    expect(result.pieces).toEqual([]);
    expect(result.failures).toMatchObject([
      { index: 31, code: "handler_crashed", message: expect.stringMatching(message), permanent: false },
    ]);
    expect(result.notRun).toEqual([0, 2]);
    expect(outputsOf(await run(trouble([5])))).toEqual({ 0: 10 });
  });

  it("is to blame when the thread runs out of memory", async () => {
    const small = executor({ maxOldGenerationSizeMb: 48 });
    const result = await small.run(trouble([1, { do: "exhaust" }, 3]), FOREVER);
    expect(result.failures).toMatchObject([
      { index: 1, code: "handler_crashed", message: expect.stringContaining("memory") },
    ]);
    expect(result.notRun).toEqual([0, 2]);
    expect(outputsOf(await small.run(trouble([5]), FOREVER))).toEqual({ 0: 10 });
    await small.close();
  });
});

describe("inputs that cannot be read", () => {
  it.each([
    ["a key that changes a prototype", '[1,{"__proto__":{}}]', "forbidden_key"],
    ["text that is not JSON", "[1,", "invalid_json"],
    ["another number of items", "[1,2,3]", "invalid_body"],
  ])("fail every item for good: %s", async (_what, json, code) => {
    const result = await run(trouble([1, 2], { inputs: { type: "items", json } }));
    expect(result.failures).toMatchObject([
      { index: 0, code, permanent: true },
      { index: 1, code, permanent: true },
    ]);
  });
});

describe("aborting a pass", () => {
  it("aborts the handler's signal in the thread, and keeps what was done before", async () => {
    const abort = new AbortController();
    const waiting = entry("waiting for the signal");
    const running = run(trouble([1, { do: "until-aborted" }, 3]), abort.signal);
    await waiting;
    const aborted = entry("aborted");
    abort.abort();
    const result = await running;
    await aborted;
    expect(outputsOf(result)).toEqual({ 0: 2 });
    expect(result.failures).toEqual([]);
    expect(result.notRun).toEqual([1, 2]);
  });

  it.each(["announce-and-spin", "never"])(
    "ends the thread of a handler that does not listen (%s)",
    async (deed) => {
      const quick = executor({ abortGrace: 50 });
      await quick.ready();
      const abort = new AbortController();
      const spinning = deed === "never" ? Promise.resolve() : entry("spinning");
      const running = quick.run(trouble([1, { do: deed }, 3]), abort.signal);
      await spinning;
      abort.abort();
      expect(await running).toMatchObject({ pieces: [], failures: [], notRun: [0, 1, 2] });
      expect(outputsOf(await quick.run(trouble([5]), FOREVER))).toEqual({ 0: 10 });
      await quick.close();
    },
  );

  it("begins nothing when it was aborted before", async () => {
    expect(await run(trouble([{ do: "exit" }]), AbortSignal.abort())).toMatchObject({
      notRun: [0],
      failures: [],
    });
  });

  it("takes a waiting pass out of the queue at once", async () => {
    const [abort, abortWaiting] = [new AbortController(), new AbortController()];
    const waiting = entry("waiting for the signal");
    const first = run(trouble([{ do: "until-aborted" }]), abort.signal);
    await waiting;
    const second = run(trouble([2]), abortWaiting.signal);
    const third = run(trouble([3]));
    abortWaiting.abort();
    expect(await second).toMatchObject({ notRun: [0] });
    abort.abort();
    await first;
    expect(outputsOf(await third)).toEqual({ 0: 6 });
  });
});

describe("the pool", () => {
  it("runs as many passes at once as it has slots, whatever their threads", async () => {
    const two = executor({ slots: 2 });
    await two.ready();
    const waiting = entry("waiting for the signal");
    const abort = new AbortController();
    const blocked = two.run(trouble([{ do: "until-aborted" }]), abort.signal);
    await waiting;
    expect(outputsOf(await two.run(trouble([4]), FOREVER))).toEqual({ 0: 8 });
    abort.abort();
    await blocked;
    await two.close();
  });

  it("gives back what runs and what waits when it closes, and runs nothing afterwards", async () => {
    const closing = executor({ abortGrace: 50 });
    const waiting = entry("waiting for the signal");
    const runs = [1, 2].map(() => closing.run(trouble([{ do: "until-aborted" }]), FOREVER));
    await waiting;
    await closing.close();
    await closing.close();
    for (const result of await Promise.all(runs)) expect(result).toMatchObject({ failures: [], notRun: [0] });
    expect(await closing.run(trouble([1]), FOREVER)).toMatchObject({ notRun: [0] });
  });

  it("fails the items instead of waiting for ever when its threads cannot be started", async () => {
    const cwd = await mkdtemp(join(tmpdir(), "muster-threads-"));
    const source = `import { isMainThread } from "node:worker_threads";
      if (!isMainThread) process.exit(9);
      export const doomed = () => 1;`;
    await writeFile(join(cwd, "doomed.mjs"), source);
    const doomed = executor({ handlers: await loadHandlers(["doomed.mjs"], { cwd }) });
    const result = await doomed.run(passOver("doomed", [1, 2]), FOREVER);
    expect(codesOf(result)).toEqual(["0: handler_crashed", "1: handler_crashed"]);
    await doomed.close();
    await rm(cwd, { recursive: true });
  });
});

describe("a thread that dies while it loads its handlers", () => {
  it("is replaced with the next pass, so that as many run at once as before", async () => {
    const cwd = await mkdtemp(join(tmpdir(), "muster-threads-"));
    const source = `import { existsSync, rmSync, writeFileSync } from "node:fs";
      import { isMainThread } from "node:worker_threads";
      import { setTimeout as wait } from "node:timers/promises";
      const file = (name) => new URL(name, import.meta.url);
      if (!isMainThread && existsSync(file("doom"))) {
        rmSync(file("doom"));
        process.exit(9);
      }
      export const end = () => process.exit(7);
      export const meet = async (me, ctx) => {
        writeFileSync(file(\`here-\${me}\`), "");
        while (!existsSync(file(\`here-\${1 - me}\`))) await wait(5, undefined, { signal: ctx.signal });
        return me;
      };`;
    await writeFile(join(cwd, "fragile.mjs"), source);
    const fragile = executor({ handlers: await loadHandlers(["fragile.mjs"], { cwd }), slots: 2 });
    await fragile.ready();
    await writeFile(join(cwd, "doom"), "");
    expect(codesOf(await fragile.run(passOver("end", [1]), FOREVER))).toEqual(["0: handler_crashed"]);
    await expect.poll(() => existsSync(join(cwd, "doom")), { timeout: 20_000 }).toBe(false);
    const met = [0, 1].map((me) => fragile.run(passOver("meet", [me], { timeout: 10_000 }), FOREVER));
    expect((await Promise.all(met)).map(outputsOf)).toEqual([{ 0: 0 }, { 0: 1 }]);
    await fragile.close();
    await rm(cwd, { recursive: true });
  });
});

describe("the mixed executor", () => {
  it("starts threads only when a kind needs them", async () => {
    const mixed = new MixedExecutor({ handlers, slots: 1, inlineSlots: 3, worker: "w-1" });
    expect([mixed.slots, mixed.slotsFor("sleep"), mixed.slotsFor("primes")]).toEqual([1, 3, 1]);
    expect(outputsOf(await mixed.run(passOver("inlineTrouble", [1]), FOREVER))).toEqual({ 0: 2 });
    expect(outputsOf(await mixed.run(passOver("primes", [10]), FOREVER))).toEqual({ 0: 4 });
    await mixed.close();
  });
});
