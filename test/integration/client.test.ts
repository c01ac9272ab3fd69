/** The typed client, over both fleets that `muster/testing` gives: what holds in memory holds on a server. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  InputMismatch,
  InvalidBody,
  InvalidOption,
  JobCancelled,
  JobExpired,
  JobFailed,
  type JobProgress,
  type Muster,
  range,
  UnknownOption,
} from "../../src/index.ts";
import { startMuster, testMuster } from "../../src/testing/index.ts";
import { area, extent, flaky, half, lengths, longest, wait } from "../support/fixtures/tasks/tasks.ts";

const MODULE = fileURLToPath(new URL("../support/fixtures/tasks/tasks.ts", import.meta.url));
const ALL = [area, extent, flaky, half, lengths, longest, wait];

const fleets: [string, () => Promise<Muster>][] = [
  ["in memory", () => testMuster({ tasks: ALL })],
  ["on a server, with the module in threads", () => startMuster({ handlers: [MODULE] })],
];

async function errorOf(promise: PromiseLike<unknown>): Promise<unknown> {
  return await promise.then(
    (value) => expect.fail(`it resolved with ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

describe.each(fleets)("a program and its fleet %s", (_, start) => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await start();
  });
  afterAll(async () => {
    await muster?.close();
  });

  describe("runs a task", () => {
    it("over an array, with the reducer of the task or the caller's", async () => {
      const boxes = [{ width: 2, height: 3 }, { width: 4 }];
      expect(await muster.map(area, boxes)).toBe(10);
      expect(await muster.map(area, boxes, { reduce: "collect" })).toEqual([6, 4]);
      expect(await muster.map(area, boxes, { reduce: "max" })).toBe(6);
      expect(await muster.map(area, [])).toBe(0);
    });

    it("with a reducer of its own, a function or steps", async () => {
      expect(await muster.map(longest, ["a", "abc", "ab"], { chunk: 1 })).toBe("abc");
      expect(await muster.map(longest, [])).toBe(null);
      expect(await muster.map(extent, [3, -1, 7], { chunk: 1 })).toEqual({ low: -1, high: 7 });
    });

    it("over a range, which is never written out", async () => {
      expect(await muster.map(extent, range(10, 1_000))).toEqual({ low: 10, high: 999 });
      expect(await muster.map("double", range(1e6), { reduce: "count", chunk: 250_000 })).toBe(1e6);
    });

    it.each([
      ["a set", new Set([2, 4, 6])],
      ["a generator", range(2, 7, 2)[Symbol.iterator]()],
      ["an asynchronous generator", (async function* () { yield* [2, 4, 6]; })()], // biome-ignore format: one line
    ])("over %s", async (_name, items: Iterable<number> | AsyncIterable<number>) => {
      expect(await muster.map(half, items)).toEqual([1, 2, 3]);
    });

    it("over more items than a message holds", async () => {
      const texts = Array.from({ length: 3_000 }, (_, i) => `${i}`.padEnd(1_000, "-"));
      expect(await muster.map(longest, texts, { reduce: "count" })).toBe(3_000);
    });

    it("over one item", async () => {
      expect(await muster.run(half, 4)).toBe(2);
      expect(await muster.run("double", 21)).toBe(42);
    });

    it("by its kind, untyped", async () => {
      expect(await muster.map<number>("double", [1, 2])).toEqual([2, 4]);
      expect(await muster.map("longest", ["a", "bc"], { reduce: "reduce" })).toBe("bc");
    });

    it("again where an item failed, as often as the task says, or the caller", async () => {
      expect(await muster.map(flaky, [2, 0], { backoff: 1 })).toEqual([3, 1]);
      const error = await errorOf(muster.map(flaky, [0, 1], { retries: 0 }));
      expect(error).toMatchObject({ failures: [{ index: 1, attempts: 1, message: "attempt 1 went wrong" }] });
    });
  });

  describe("is told what is wrong", () => {
    it("with an item, by its number and place, before anything is sent", async () => {
      const error = await errorOf(muster.map(area, [{ width: 1 }, { width: -1 }]));
      expect(error).toBeInstanceOf(InputMismatch);
      expect(error).toMatchObject({ code: "input_mismatch", path: "items[1].width" });
      const streamed = muster.map(half, new Set(["x"]) as Set<never>);
      expect(await errorOf(streamed)).toMatchObject({ path: "items[0]" });
      expect(await errorOf(streamed.state())).toBeInstanceOf(InputMismatch);
      expect(await errorOf(muster.map(lengths as never, range(3)))).toBeInstanceOf(InputMismatch);
    });

    it.each([
      ["a function", () => 1, "it is a function"],
      ["a bigint", 1n, "it holds a bigint"],
      ["a number that JSON has not", Number.NaN, "JSON has finite numbers only"],
      ["an integer that others would round", 2 ** 60, "cannot be held exactly"],
    ])("with an item that is %s", async (_name, item, reason) => {
      const error = await errorOf(muster.map("echo", [1, item]));
      expect(error).toBeInstanceOf(InvalidBody);
      expect(error).toMatchObject({ path: "items[1]", message: expect.stringContaining(reason) });
    });

    it.each(["a text", 7, null, {}])("with items that are no list: %j", async (items) => {
      expect(await errorOf(muster.map("echo", items as unknown[]))).toBeInstanceOf(InvalidBody);
    });

    it("with an option", async () => {
      expect(await errorOf(muster.map(half, [2], { chunk: 0 }))).toBeInstanceOf(InvalidOption);
      expect(await errorOf(muster.map(half, [2], { retries: -1 }))).toMatchObject({ path: "retries" });
      const misspelt = { chunks: 1 } as object;
      expect(await errorOf(muster.map(half, [2], misspelt))).toBeInstanceOf(UnknownOption);
    });

    it("with outputs and items that only the worker sees, which are not tried again", async () => {
      const error = await errorOf(muster.map(half, [2, 3], { retries: 5 }));
      expect(error).toBeInstanceOf(JobFailed);
      expect(error).toMatchObject({
        failures: [{ index: 1, code: "output_mismatch", attempts: 1 }],
        cause: { code: "output_mismatch" },
      });
      const untyped = await errorOf(muster.map("area", [{ width: "wide" }]));
      expect(untyped).toMatchObject({ failures: [{ code: "input_mismatch", attempts: 1 }] });
    });

    it("item by item of a batch", async () => {
      const outcome = await muster
        .map("lengths", ["a", "", 7, "abcdef", "ab"], { onError: "continue", chunk: 5 })
        .outcome();
      expect(JSON.parse(outcome.body)).toEqual([1, null, null, null, 2]);
      expect(outcome.failures.map(({ index, code }) => [index, code])).toEqual([
        [1, "handler_failed"],
        [2, "input_mismatch"],
        [3, "output_mismatch"],
      ]);
    });

    it("with the job", async () => {
      expect(await errorOf(muster.map(wait, [20_000], { deadline: 50 }))).toBeInstanceOf(JobExpired);
    });
  });

  describe("holds a job", () => {
    it("by an id that is known before anything is sent, and the same for the same key", async () => {
      const job = muster.map(half, [2], { key: "a key" });
      expect(job.id).toMatch(/^[\w-]+$/);
      expect(await job).toEqual([1]);
      const again = muster.map(half, [4], { key: "a key" });
      expect(again.id).toBe(job.id);
      expect(await again).toEqual([1]);
    });

    it("that it finds again by its id", async () => {
      const id = await muster.submit(area, [{ width: 3 }]);
      const job = muster.job(id, area);
      expect(await job).toBe(3);
      expect(await job.state()).toBe("succeeded");
      expect(await muster.get(id)).toMatchObject({ job: id, kind: "area", items: 1 });
      expect((await muster.list()).map(({ job }) => job)).toContain(id);
      expect(await errorOf(muster.job("nobody").state())).toMatchObject({ code: "unknown_job" });
    });

    it("like a promise", async () => {
      const [ones, twos] = await Promise.all([muster.map(half, [2]), muster.map(half, [4])]);
      expect([ones, twos]).toEqual([[1], [2]]);
      expect(await muster.map(half, [1]).catch(() => "failed")).toBe("failed");
      let isOver = false;
      await muster.map(half, [2]).finally(() => {
        isOver = true;
      });
      expect(isOver).toBe(true);
    });

    it("and sees how far it is", async () => {
      const job = muster.map(wait, [5, 5, 5, 5], { chunk: 1 });
      const seen: JobProgress[] = await all(job.progress());
      expect(seen.at(-1)).toEqual({ state: "succeeded", items: 4, failed: 0, tasks: 4, total: 4 });
      expect(seen.every(({ total }) => total === 4)).toBe(true);
    });

    it("and cancels it", async () => {
      const job = muster.map(wait, [15_000]);
      await job.cancel();
      expect(await errorOf(job)).toBeInstanceOf(JobCancelled);
      expect(await job.state()).toBe("cancelled");
      expect(await errorOf(job.cancel())).toMatchObject({ code: "job_already_finished" });
    });
  });

  describe("aborts", () => {
    it("a job, which is cancelled; whoever waits gets the reason at once", async () => {
      const stop = new AbortController();
      const job = muster.map(wait, [15_000], { signal: stop.signal });
      const waiting = [
        errorOf(job),
        errorOf(job.outcome()),
        errorOf(all(job.progress())),
        errorOf(all(job.outputs())),
      ];
      await job.accepted();
      stop.abort(new Error("enough"));
      for (const error of await Promise.all(waiting)) expect(error).toEqual(new Error("enough"));
      expect((await muster.job(job.id).outcome()).state).toBe("cancelled");
    });

    it("before anything is sent", async () => {
      const job = muster.map(half, [2], { signal: AbortSignal.abort(new Error("never mind")) });
      expect(await errorOf(job)).toEqual(new Error("never mind"));
      expect(await errorOf(muster.job(job.id).state())).toMatchObject({ code: "unknown_job" });
    });

    it("in the midst of a stream of items: nothing is handed in", async () => {
      const stop = new AbortController();
      async function* endless() {
        for (let n = 0; ; n += 2) {
          if (n === 1_000) stop.abort(new Error("enough"));
          yield n;
        }
      }
      const job = muster.map(half, endless(), { signal: stop.signal });
      expect(await errorOf(job)).toEqual(new Error("enough"));
      expect(await errorOf(muster.job(job.id).state())).toMatchObject({ code: "unknown_job" });
    });
  });

  describe("reads outputs while the job runs", () => {
    it("in the order of the items", async () => {
      const job = muster.map(wait, [60, 1, 30, 1], { chunk: 1 });
      expect(await all(job.outputs())).toEqual([60, 1, 30, 1]);
    });

    it("as they are made", async () => {
      const job = muster.map(wait, [2_000, 1, 1, 1], { chunk: 1 });
      const first: number[] = [];
      for await (const ms of job.outputs({ ordered: false })) {
        first.push(ms);
        if (first.length === 3) break;
      }
      expect(first).toEqual([1, 1, 1]);
      expect(await job.state()).toBe("running");
      expect((await all(job.outputs({ ordered: false }))).sort()).toEqual([1, 1, 1, 2_000]);
    });

    it("of a job that is over", async () => {
      const job = muster.map("echo", range(5_000));
      await job;
      expect(await all(job.outputs())).toEqual([...range(5_000)]);
      const any = (await all(job.outputs({ ordered: false }))) as number[];
      expect(any.sort((a, b) => a - b)).toEqual([...range(5_000)]);
    });

    it("none of a job that reduces them", async () => {
      const job = muster.map(area, [{ width: 1 }]);
      expect(await errorOf(all(job.outputs()))).toBeInstanceOf(InvalidOption);
    });

    it("and is told that the job failed", async () => {
      expect(await errorOf(all(muster.map(half, [1]).outputs()))).toBeInstanceOf(JobFailed);
    });
  });
});
