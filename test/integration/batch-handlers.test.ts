/** Handlers that take a whole chunk, inline, in threads, and through a fleet. */
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { type BatchFunction, fail, retryAfter } from "../../src/actors/handlers/handler.ts";
import { HandlerSet } from "../../src/actors/handlers/handler-set.ts";
import { InlineExecutor } from "../../src/actors/handlers/inline-executor.ts";
import { Fleet, serverOnDisk } from "../support/fleet.ts";
import { codesOf, FOREVER, outputsOf, passOver } from "../support/passes.ts";

const HANDLERS = fileURLToPath(new URL("../support/fixtures/handlers/batch.mjs", import.meta.url));

describe("a batch handler", () => {
  let executor: InlineExecutor | undefined;

  afterEach(async () => {
    await executor?.close();
  });

  function run(fn: BatchFunction<never>, items: readonly unknown[], more = {}) {
    const handler = { kind: "it", fn: fn as never, inline: true, batch: true, source: "test" };
    const handlers = new HandlerSet({ files: [], overrides: [], handlers: [handler] });
    executor = new InlineExecutor({ handlers, slots: 1, worker: "w", abortGrace: 20 });
    return executor.run(passOver("it", items, more), FOREVER);
  }

  it("is given all items, or those that are tried again, and their numbers", async () => {
    const fn: BatchFunction<number> = (items, ctx) =>
      items.map((item, at) => [item, ctx.indexes[at], ctx.attempts[at]]);
    expect(outputsOf(await run(fn, [5, 6, 7], { from: 10 }))).toEqual({
      10: [5, 10, 1],
      11: [6, 11, 1],
      12: [7, 12, 1],
    });
    const again = await run(fn, [5, 6, 7], { offsets: [0, 2], attempts: { 2: 2 } });
    expect(outputsOf(again)).toEqual({ 0: [5, 0, 1], 2: [7, 2, 2] });
  });

  it("settles each item by itself: outputs, errors, steering values and promises", async () => {
    const result = await run(
      async () => [
        "a",
        new Error("no"),
        fail("never"),
        retryAfter(70),
        Promise.resolve("b"),
        Promise.reject(new Error("late")),
      ],
      [0, 1, 2, 3, 4, 5],
    );
    expect(outputsOf(result)).toEqual({ 0: "a", 4: "b" });
    expect(result.failures).toMatchObject([
      { index: 1, message: "no", permanent: false },
      { index: 2, message: "never", permanent: true },
      { index: 3, retryAfter: 70 },
      { index: 5, message: "late", permanent: false },
    ]);
  });

  it("hears of a promise that rejects before its turn", async () => {
    const slow = new Promise((resolve) => setTimeout(() => resolve("slow"), 30));
    const result = await run(() => [slow, Promise.reject(new Error("early"))], [0, 1]);
    expect(outputsOf(result)).toEqual({ 0: "slow" });
    expect(codesOf(result)).toEqual(["1: handler_failed"]);
  });

  it("refuses an output that cannot be written, and no other", async () => {
    const result = await run(() => [1, Number.NaN, 3], [0, 0, 0]);
    expect(outputsOf(result)).toEqual({ 0: 1, 2: 3 });
    expect(codesOf(result)).toEqual(["1: invalid_output"]);
  });

  it("fails all items when it throws, or takes too long", async () => {
    const thrown = await run(() => {
      throw new Error("down");
    }, [1, 2]);
    expect(thrown.failures).toMatchObject([{ message: "down" }, { message: "down", permanent: false }]);
    const late = await run(() => new Promise(() => {}), [1, 2], { timeout: 10 });
    expect(codesOf(late)).toEqual(["0: handler_timed_out", "1: handler_timed_out"]);
  });

  it("fails all items for good when its outputs are not one an item", async () => {
    const few = await run(() => [1], [1, 2]);
    expect(few.failures).toMatchObject([
      { message: "The batch handler returned 1 outputs for 2 items.", permanent: true },
      { index: 1 },
    ]);
    const none = await run((() => "ab") as never, [1, 2]);
    expect(none.failures[0]?.message).toBe("The batch handler returned no array.");
  });
});

describe("a fleet with batch handlers", () => {
  it("gives them whole chunks, and loses only the items that threads die or hang with", async () => {
    const server = await serverOnDisk();
    const fleet = await Fleet.join(server.url);
    try {
      await fleet.startAll({ handlers: [HANDLERS] });
      const items = JSON.stringify(Array.from({ length: 16 }, (_, i) => i));
      const { text } = await fleet.run("together", items, { chunk: 8 });
      expect(JSON.parse(text)).toEqual(Array.from({ length: 16 }, (_, i) => [i, 8, i]));

      for (const [kind, code] of [
        ["unlucky", "handler_crashed"],
        ["stuck", "handler_timed_out"],
      ] as const) {
        const options = { chunk: 16, onError: "continue", backoff: 1 };
        const { outcome, text } = await fleet.run(kind, items, options);
        expect(outcome.failures).toMatchObject([{ index: 13, code }]);
        expect(JSON.parse(text)).toEqual(Array.from({ length: 16 }, (_, i) => (i === 13 ? null : i)));
      }
    } finally {
      await fleet.stop();
      await server.remove();
    }
  });
});
