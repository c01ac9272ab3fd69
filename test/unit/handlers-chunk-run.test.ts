import { describe, expect, it } from "vitest";
import {
  type ChunkMove,
  onPass,
  onWaited,
  type RetryPolicy,
  startChunk,
} from "../../src/domain/chunk-run.ts";
import { NO_DIGEST } from "../../src/domain/item-digest.ts";
import type { ItemFailure, PassResult, Piece } from "../../src/domain/pass.ts";
import { parseReduce, reducerFor } from "../../src/domain/reducers/index.ts";
import { settleChunk } from "../../src/domain/settle-chunk.ts";
import { ImpossibleTransition } from "../../src/errors.ts";

const policy = (more: Partial<RetryPolicy> = {}): RetryPolicy => ({
  maxAttempts: 3,
  random: () => 0.5,
  now: 0,
  ...more,
});

const failure = (index: number, attempt: number, more: Partial<ItemFailure> = {}): ItemFailure => ({
  ...{ index, attempt, code: "handler_failed", message: "no", permanent: false },
  ...more,
});

const crash = (index: number, attempt: number) => failure(index, attempt, { code: "handler_crashed" });

const result = (more: Partial<PassResult>): PassResult => ({
  pieces: [],
  failures: [],
  notRun: [],
  handlerMs: 1,
  ...more,
});

const DIGESTS = { inputs: NO_DIGEST, outputs: NO_DIGEST };

const piece = (from: number, values: readonly unknown[]): Piece => ({
  from,
  count: values.length,
  partial: JSON.stringify(values),
  digests: DIGESTS,
});

/** Feeds passes to a chunk, one after the other. */
function feed(begin: ChunkMove, ...passes: [PassResult, RetryPolicy][]): ChunkMove {
  return passes.reduce(({ state }, [back, how]) => onPass(state, back, how), begin);
}

describe("a chunk's passes", () => {
  it("begin with everything, and end when nothing failed", () => {
    const begun = startChunk({ from: 10, count: 3 });
    expect(begun.next).toEqual({ type: "run" });
    const { next } = feed(begun, [result({ pieces: [piece(10, [1, 2, 3])] }), policy()]);
    expect(next).toEqual({ type: "done", pieces: [piece(10, [1, 2, 3])], failures: [] });
  });

  it("are none for a chunk without items", () => {
    expect(startChunk({ from: 0, count: 0 }).next).toEqual({ type: "done", pieces: [], failures: [] });
  });

  it("wait before a failed item runs again, as its next attempt", () => {
    const first = result({ pieces: [piece(0, [1])], failures: [failure(1, 1)] });
    const waiting = feed(startChunk({ from: 0, count: 2 }), [first, policy({ now: 1_000 })]);
    expect(waiting.next).toEqual({ type: "wait", ms: 50 });
    expect(onWaited(waiting.state, 1_030).next).toEqual({ type: "wait", ms: 20 });
    expect(onWaited(waiting.state, 1_050).next).toEqual({ type: "run", offsets: [1], attempts: { 1: 2 } });
  });

  it("wait twice as long after every attempt, and never longer than the bound", () => {
    const backoff = { base: 100, max: 350 };
    const waits: number[] = [];
    let move = startChunk({ from: 0, count: 1 });
    for (let attempt = 1; attempt <= 4; attempt++) {
      move = onPass(
        move.state,
        result({ failures: [failure(0, attempt)] }),
        policy({ maxAttempts: 9, random: () => 0.99, backoff }),
      );
      if (move.next.type === "wait") waits.push(move.next.ms);
      move = onWaited(move.state, 10_000);
    }
    expect(waits).toEqual([99, 198, 347, 347]);
  });

  it("wait exactly as long as the handler asked", () => {
    const asked = result({ failures: [failure(0, 1, { retryAfter: 12_345 })] });
    expect(feed(startChunk({ from: 0, count: 1 }), [asked, policy()]).next).toEqual({
      type: "wait",
      ms: 12_345,
    });
  });

  it("stop for an item that failed for good, or too often", () => {
    const forGood = failure(0, 1, { permanent: true });
    const tooOften = failure(1, 1);
    const { next } = feed(startChunk({ from: 0, count: 2 }), [
      result({ failures: [forGood, tooOften] }),
      policy({ maxAttempts: 1 }),
    ]);
    expect(next).toEqual({ type: "done", pieces: [], failures: [forGood, tooOften] });
  });

  it("run again at once, in the same attempt, what a thread's death kept from running", () => {
    const died = result({ failures: [crash(5, 1)], notRun: [0, 1, 2, 3, 4, 6, 7] });
    const { next } = feed(startChunk({ from: 0, count: 8 }), [died, policy()]);
    expect(next).toEqual({ type: "run", offsets: [0, 1, 2, 3], attempts: {} });
  });

  it("run an item with which a thread died alone ever after, and before the others", () => {
    const died = result({ failures: [crash(1, 1)], notRun: [0, 2] });
    const rest = feed(startChunk({ from: 0, count: 3 }), [died, policy()]);
    expect(rest.next).toMatchObject({ type: "run", offsets: [0, 2] });
    const back = result({ failures: [failure(0, 1), failure(2, 1)] });
    const waiting = onPass(rest.state, back, policy());
    expect(onWaited(waiting.state, 1_000).next).toEqual({ type: "run", offsets: [1], attempts: { 1: 2 } });
  });

  it("find two poison items among 1,000 in a few passes", () => {
    const poison = new Set([300, 700]);
    let passes = 0;
    let move = startChunk({ from: 0, count: 1_000 });
    while (move.next.type !== "done" && passes < 100) {
      if (move.next.type === "wait") {
        move = onWaited(move.state, Number.POSITIVE_INFINITY);
        continue;
      }
      passes++;
      const { offsets = Array.from({ length: 1_000 }, (_, i) => i), attempts = {} } = move.next;
      const bad = offsets.find((offset) => poison.has(offset));
      const dead = () =>
        result({
          failures: [crash(bad ?? 0, attempts[bad ?? 0] ?? 1)],
          notRun: offsets.filter((o) => o !== bad),
        });
      const fine = () =>
        result({ pieces: [{ from: offsets[0] ?? 0, count: offsets.length, partial: "", digests: DIGESTS }] });
      move = onPass(move.state, bad === undefined ? fine() : dead(), policy());
    }
    expect(move.next).toMatchObject({
      type: "done",
      failures: [
        { index: 300, attempt: 3 },
        { index: 700, attempt: 3 },
      ],
    });
    expect(passes).toBeLessThan(20);
  });

  it.each([
    ["loses an item", result({ pieces: [piece(0, [1])] })],
    ["names an item twice", result({ failures: [failure(0, 1), failure(0, 1)] })],
    ["names an item that was not asked for", result({ pieces: [piece(0, [1, 2])], notRun: [2] })],
    ["settles nothing", result({ notRun: [0, 1] })],
  ])("refuse a result that %s", (_what, back) => {
    expect(() => onPass(startChunk({ from: 0, count: 2 }).state, back, policy())).toThrow(
      ImpossibleTransition,
    );
  });

  it("refuse a result that nobody waits for", () => {
    const done = feed(startChunk({ from: 0, count: 1 }), [result({ pieces: [piece(0, [1])] }), policy()]);
    expect(() => onPass(done.state, result({}), policy())).toThrow(/none was out/);
    expect(() => onWaited(startChunk({ from: 0, count: 1 }).state, 0)).toThrow(/while a pass was out/);
  });
});

describe("one partial for a whole chunk", () => {
  const reducer = (name: string) => reducerFor(parseReduce(name));

  it("is the piece itself where there is only one", () => {
    const digests = { inputs: [0, 10], outputs: [0xffff_ffff, 11] } as const;
    const pieces = [{ from: 0, count: 2, partial: "[1, 2]", digests }];
    const settled = settleChunk(reducer("collect"), { from: 0, count: 2, pieces, failures: [] });
    expect(settled).toEqual({ partial: "[1, 2]", failures: [], outputs: 2, digests });
  });

  it("has null in the place of each failed item of a collect, whatever the order of the passes", () => {
    const pieces = [piece(14, ["e"]), piece(10, ["a", "b"])];
    const failures = [failure(13, 3), failure(12, 1)];
    const settled = settleChunk(reducer("collect"), { from: 10, count: 5, pieces, failures });
    expect(JSON.parse(settled.partial)).toEqual(["a", "b", null, null, "e"]);
    expect(settled.failures.map(({ index }) => index)).toEqual([12, 13]);
  });

  it("leaves failed items out of a concat", () => {
    const pieces = [piece(2, [3, 4]), piece(0, [1, 2])].map((part, at) => ({
      ...part,
      count: 1,
      from: at === 0 ? 2 : 0,
    }));
    const settled = settleChunk(reducer("concat"), { from: 0, count: 3, pieces, failures: [failure(1, 3)] });
    expect(JSON.parse(settled.partial)).toEqual([1, 2, 3, 4]);
  });

  it("combines the rest", () => {
    const sum = reducer("sum");
    const part = (from: number, outputs: number[]): Piece => ({
      ...{ from, count: outputs.length, digests: DIGESTS },
      partial: sum.encode(outputs.reduce<unknown>((state, output) => sum.step(state, output), sum.init())),
    });
    const pieces = [part(0, [1, 2]), part(3, [10])];
    const settled = settleChunk(sum, { from: 0, count: 4, pieces, failures: [failure(2, 3)] });
    expect(sum.finish(sum.decode(settled.partial))).toBe(13);
  });

  it("is the reducer's beginning when every item failed", () => {
    const failures = [failure(0, 1), failure(1, 1)];
    const count = reducer("count");
    const settled = settleChunk(count, { from: 0, count: 2, pieces: [], failures });
    expect(count.finish(count.decode(settled.partial))).toBe(0);
    expect(settleChunk(reducer("collect"), { from: 0, count: 2, pieces: [], failures }).partial).toBe(
      "[null,null]",
    );
  });

  it("is refused when an item is missing", () => {
    expect(() =>
      settleChunk(reducer("collect"), { from: 0, count: 2, pieces: [piece(0, [1])], failures: [] }),
    ).toThrow(ImpossibleTransition);
  });
});
