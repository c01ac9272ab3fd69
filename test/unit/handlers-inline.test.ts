import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { fail, type HandlerLogEntry, retryAfter } from "../../src/actors/handlers/handler.ts";
import { HandlerSet, type LoadedHandler } from "../../src/actors/handlers/handler-set.ts";
import { InlineExecutor } from "../../src/actors/handlers/inline-executor.ts";
import { loadHandlers } from "../../src/actors/handlers/registry.ts";
import { UnknownKind } from "../../src/errors.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { VirtualClock } from "../../src/runtime/virtual-clock.ts";
import { codesOf, FOREVER, outputsOf, passOver } from "../support/passes.ts";

const FIXTURES = fileURLToPath(new URL("../support/fixtures/handlers/", import.meta.url));
const REDUCE = { name: "reduce", params: {} };

let executor: InlineExecutor | undefined;

afterEach(async () => {
  await executor?.close();
  executor = undefined;
});

/** An executor that knows one kind, `it`. */
function having(
  fn: LoadedHandler["fn"],
  more: Partial<LoadedHandler> & { slots?: number; clock?: Clock } = {},
): InlineExecutor {
  const { slots = 1, clock, ...properties } = more;
  const handlers = new HandlerSet({
    files: [],
    overrides: [],
    handlers: [{ kind: "it", fn, inline: true, source: "test", ...properties }],
  });
  executor = new InlineExecutor({
    handlers,
    slots,
    worker: "w-1",
    abortGrace: 20,
    ...(clock === undefined ? {} : { clock }),
  });
  return executor;
}

describe("steering values", () => {
  it.each([
    [
      "thrown",
      () => {
        throw fail("no such user");
      },
    ],
    [
      "rejected",
      async () => {
        throw fail("no such user");
      },
    ],
    ["returned", () => fail("no such user")],
    ["resolved", async () => fail("no such user")],
  ])("fail() fails an item for good when %s", async (_how, fn) => {
    const result = await having(fn).run(passOver("it", [1]), FOREVER);
    expect(result.failures).toMatchObject([
      { code: "handler_failed", message: "no such user", permanent: true },
    ]);
  });

  it("retryAfter() says when to try again", async () => {
    const result = await having(() => retryAfter(1234, "rate limited")).run(passOver("it", [1]), FOREVER);
    expect(result.failures).toMatchObject([{ message: "rate limited", permanent: false, retryAfter: 1234 }]);
  });

  it("are known from another copy of muster too", async () => {
    const foreign = Object.assign(new Error("theirs"), { [Symbol.for("muster.steer")]: { type: "fail" } });
    const result = await having(() => {
      throw foreign;
    }).run(passOver("it", [1]), FOREVER);
    expect(result.failures).toMatchObject([{ message: "theirs", permanent: true }]);
  });
});

describe("an inline pass", () => {
  it("runs its items in order, each after the other has settled", async () => {
    const story: string[] = [];
    const fn = async (item: unknown) => {
      story.push(`begin ${item}`);
      await new Promise((resolve) => setImmediate(resolve));
      story.push(`end ${item}`);
      return item;
    };
    await having(fn).run(passOver("it", [1, 2]), FOREVER);
    expect(story).toEqual(["begin 1", "end 1", "begin 2", "end 2"]);
  });

  it("lets the event loop breathe between handlers that never wait", async () => {
    let turns = 0;
    const count = setInterval(() => turns++, 0);
    const busy = () => {
      const until = performance.now() + 6;
      while (performance.now() < until);
    };
    await having(busy).run(passOver("it", Array(10).fill(0)), FOREVER);
    clearInterval(count);
    expect(turns).toBeGreaterThan(1);
  });

  it("keeps a failed item's text as it was sent, though the handler changed the value", async () => {
    const fn = (item: unknown) => {
      Object.assign(item as object, { spoilt: true });
      throw new Error("no");
    };
    const inputs = { type: "items" as const, json: '[{"a": 1.0}]' };
    const result = await having(fn).run(passOver("it", [1], { inputs }), FOREVER);
    expect(result.failures[0]?.input).toBe('{"a": 1.0}');
  });

  it("leaves out a failed item's text beyond 16 KiB, and shortens long messages", async () => {
    const fn = () => {
      throw new Error("m".repeat(100_000));
    };
    const result = await having(fn).run(passOver("it", ["x".repeat(16 * 1024)]), FOREVER);
    expect(result.failures[0]).not.toHaveProperty("input");
    expect(result.failures[0]?.message.length).toBeLessThan(5_000);
  });

  it("times an item out, aborts its signal, and goes on", async () => {
    let reason: unknown;
    const fn = (item: unknown, { signal }: { signal: AbortSignal }) => {
      if (item !== "hang") return item;
      return new Promise(() =>
        signal.addEventListener("abort", () => {
          reason = signal.reason;
        }),
      );
    };
    const result = await having(fn).run(passOver("it", [1, "hang", 3], { timeout: 20 }), FOREVER);
    expect(outputsOf(result)).toEqual({ 0: 1, 2: 3 });
    expect(codesOf(result)).toEqual(["1: handler_timed_out"]);
    expect(reason).toMatchObject({ code: "handler_timed_out" });
  });

  it("times out a thenable that resolves with one that never settles", async () => {
    const THEN = "then";
    const thenable = (then: (resolve: (value: unknown) => void) => void) =>
      Object.defineProperty({}, THEN, { value: then });
    const fn = (item: unknown) =>
      item === "hang"
        ? thenable((resolve) => resolve(thenable(() => {})))
        : thenable((resolve) => resolve(item));
    const result = await having(fn).run(passOver("it", [1, "hang", 3], { timeout: 20 }), FOREVER);
    expect(outputsOf(result)).toEqual({ 0: 1, 2: 3 });
    expect(codesOf(result)).toEqual(["1: handler_timed_out"]);
  });

  it("gives up on a handler that goes on after an abort", async () => {
    const abort = new AbortController();
    const fn = (item: unknown) => {
      if (item !== 2) return item;
      abort.abort();
      return new Promise(() => {});
    };
    const result = await having(fn).run(passOver("it", [1, 2, 3]), abort.signal);
    expect(outputsOf(result)).toEqual({ 0: 1 });
    expect(result).toMatchObject({ failures: [], notRun: [1, 2] });
  });

  it("survives handlers that call process.exit, also after a wait", async () => {
    const exit = process.exit;
    const fn = async (item: unknown) => {
      if (item === "later") await new Promise((resolve) => setTimeout(resolve, 2));
      if (item !== 1) process.exit(7);
      return item;
    };
    const result = await having(fn).run(passOver("it", ["now", 1, "later"]), FOREVER);
    expect(codesOf(result)).toEqual(["0: handler_crashed", "2: handler_crashed"]);
    expect(result.failures[0]?.message).toContain("process.exit(7)");
    await executor?.close();
    expect(process.exit).toBe(exit);
  });

  it("runs as many passes at once as it has slots, the others in the order they came", async () => {
    const waiting: { item: unknown; settle: (value: unknown) => void }[] = [];
    let arrived = () => {};
    const fn = (item: unknown) =>
      new Promise((settle) => {
        waiting.push({ item, settle });
        arrived();
      });
    // One that gives way because the machine is slow would begin after the next.
    const pool = having(fn, { slots: 2, clock: new VirtualClock() });
    const runs = ["a", "b", "c", "d"].map((item) => pool.run(passOver("it", [item]), FOREVER));
    await new Promise((resolve) => setImmediate(resolve));
    expect(waiting.map(({ item }) => item)).toEqual(["a", "b"]);
    const third = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    waiting[1]?.settle("done");
    await third;
    expect(waiting.map(({ item }) => item)).toEqual(["a", "b", "c"]);
    arrived = () => waiting.at(-1)?.settle("done");
    for (const { settle } of waiting) settle("done");
    expect((await Promise.all(runs)).map(outputsOf)).toEqual(Array(4).fill({ 0: "done" }));
  });

  it("says nothing of many passes that share one signal", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on("warning", note);
    const pool = having((item) => item);
    await Promise.all(Array.from({ length: 40 }, () => pool.run(passOver("it", [1]), FOREVER)));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });

  it("is refused for a kind that has no handler", async () => {
    const other = async () => having(() => 1).run(passOver("other", [1]), FOREVER);
    await expect(other).rejects.toThrow(UnknownKind);
  });
});

describe("what a reducer refuses", () => {
  it("fails for good the items whose outputs are of the wrong kind", async () => {
    const reduce = { name: "sum", params: {} };
    const result = await having((item) => item).run(passOver("it", [1, "two", 3], { reduce }), FOREVER);
    expect(result.pieces).toMatchObject([{ from: 0, count: 2 }]);
    expect(result.failures).toMatchObject([{ index: 1, code: "reducer_mismatch", permanent: true }]);
  });

  it("fails for good the items that the module's own reducer throws at", async () => {
    const reduce = {
      init: () => [],
      step: (all: unknown, output: unknown) => {
        if (output === "bad") throw new Error("not this one");
        return [...(all as unknown[]), output];
      },
      combine: (a: unknown) => a,
    };
    const result = await having((item) => item, { reduce }).run(
      passOver("it", [1, "bad", 3], { reduce: REDUCE }),
      FOREVER,
    );
    expect(result.pieces).toMatchObject([{ count: 2, partial: "[1,3]" }]);
    expect(result.failures).toMatchObject([
      { index: 1, permanent: true, message: expect.stringContaining("not this one") },
    ]);
  });

  it("fails all items of a state that cannot be written", async () => {
    const reduce = { init: () => 0, step: () => Number.NaN, combine: (a: unknown) => a };
    const result = await having((item) => item, { reduce }).run(
      passOver("it", [1, 2], { reduce: REDUCE }),
      FOREVER,
    );
    expect(result.pieces).toEqual([]);
    expect(result.failures).toMatchObject([
      { index: 0, permanent: true },
      { index: 1, permanent: true },
    ]);
  });
});

describe("the built-in kinds", () => {
  let all: HandlerSet;

  beforeAll(async () => {
    all = await loadHandlers(["trouble.mjs"], { cwd: FIXTURES });
  });

  function run(kind: string, items: unknown[], more = {}) {
    executor = new InlineExecutor({ handlers: all, slots: 1, worker: "w-1" });
    return executor.run(passOver(kind, items, more), FOREVER);
  }

  it("double doubles numbers, and refuses the rest with a clear sentence", async () => {
    const result = await run("double", [2, -0.5, "3", null, [1]]);
    expect(outputsOf(result)).toEqual({ 0: 4, 1: -1 });
    expect(result.failures.map(({ message }) => message)).toEqual([
      '"double" takes a number, got a value of type string.',
      '"double" takes a number, got null.',
      '"double" takes a number, got an array.',
    ]);
    expect(result.failures.every(({ permanent }) => permanent)).toBe(true);
  });

  it("echo gives back anything", async () => {
    expect(outputsOf(await run("echo", [1, null, { a: [] }]))).toEqual({ 0: 1, 1: null, 2: { a: [] } });
  });

  it("sleep waits for so many milliseconds", async () => {
    expect(outputsOf(await run("sleep", [1, { ms: 2 }]))).toEqual({ 0: 1, 1: 2 });
    expect((await run("sleep", [-1, "long", 2 ** 40])).failures).toHaveLength(3);
  });

  it("sleep wakes up when it is aborted", async () => {
    const abort = new AbortController();
    executor = new InlineExecutor({ handlers: all, slots: 1, worker: "w-1" });
    const sleeping = executor.run(passOver("sleep", [1_000_000]), abort.signal);
    setImmediate(() => abort.abort());
    expect(await sleeping).toMatchObject({ notRun: [0], failures: [] });
  });

  it("fail fails always, or so many times, or for good", async () => {
    const items = [0, { times: 2 }, { times: 2 }, { permanent: true }];
    const result = await run("fail", items, { attempts: { 0: 9, 1: 2, 2: 3 } });
    expect(outputsOf(result)).toEqual({ 2: { times: 2 } });
    expect(result.failures.map(({ index, permanent }) => [index, permanent])).toEqual([
      [0, false],
      [1, false],
      [3, true],
    ]);
  });

  it("primes counts the primes below a number", async () => {
    const result = await run("primes", [0, 2, 3, 100, 1_000_000, -5, "x"]);
    expect(outputsOf(result)).toEqual({ 0: 0, 1: 0, 2: 1, 3: 25, 4: 78_498, 5: 0 });
    expect(codesOf(result)).toEqual(["6: handler_failed"]);
  });

  it("hand log entries over with what they are about", async () => {
    const entries: HandlerLogEntry[] = [];
    executor = new InlineExecutor({
      handlers: all,
      slots: 1,
      worker: "w-9",
      onLog: (entry) => entries.push(entry),
    });
    await executor.run(passOver("told", [{ note: "hello" }], { from: 4 }), FOREVER);
    expect(entries).toEqual([
      {
        level: "warn",
        message: "hello",
        fields: { seen: true },
        job: "job-1",
        kind: "told",
        index: 4,
        attempt: 1,
        worker: "w-9",
      },
    ]);
  });
});
