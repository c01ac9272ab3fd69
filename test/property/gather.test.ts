import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Arrival, type GatherState, onResult, startGather } from "../../src/domain/gather.ts";
import { NO_DIGEST } from "../../src/domain/item-digest.ts";
import { customReducer } from "../../src/domain/reducers/custom.ts";
import { type Reducer, reducerFor } from "../../src/domain/reducers/index.ts";
import { type Failure, MAX_NAMED_FAILURES } from "../../src/protocol/failure.ts";
import type { Tally } from "../../src/protocol/receipt.ts";
import type { ItemRange, JobSpec } from "../../src/protocol/spec.ts";

const SUM = reducerFor({ name: "sum", params: {} });
const COLLECT = reducerFor({ name: "collect", params: {} });

function specOf(more: Partial<JobSpec> = {}): JobSpec {
  return {
    job: "job",
    kind: "double",
    priority: "normal",
    reduce: { name: "sum", params: {} },
    backoffMs: 100,
    onError: "continue",
    submitted: 0,
    ...more,
  };
}

/** The output of an item; powers would say which items were counted, squares tell them apart well enough. */
const outputOf = (item: number): number => item * item + 1;

interface Sent extends ItemRange {
  /** Numbers of the items that failed for good. */
  failed: readonly number[];
}

function partialOf(reducer: Reducer, { from, count, failed }: Sent): string {
  let state = reducer.init();
  for (let item = from; item < from + count; item++)
    if (!failed.includes(item)) state = reducer.step(state, outputOf(item));
  return reducer.encode(state);
}

const failureOf = (index: number): Failure => ({
  index,
  code: "handler_failed",
  message: `no ${index}`,
  attempts: 2,
});

const tallyOf = ({ from, count, failed }: Sent): Tally => ({
  outputs: count - failed.length,
  attempts: count + failed.length,
  inputDigest: NO_DIGEST,
  outputDigest: NO_DIGEST,
  began: 1000 + from,
  ended: 1000 + from + count,
  slots: 2,
});

function arrivalOf(spec: JobSpec, reducer: Reducer, sent: Sent, seq: number): Arrival {
  const result = {
    spec,
    from: sent.from,
    count: sent.count,
    partial: partialOf(reducer, sent),
    failures: sent.failed.map(failureOf),
    handlerMs: sent.count,
    worker: "w",
    tally: tallyOf(sent),
  };
  return { result, seq, bytes: 10 * sent.count, now: 1000 + seq };
}

/** Cuts of a job, and the halves of some chunks: what a bisected poison task leaves. */
const job = fc
  .record({
    counts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }),
    seed: fc.array(fc.nat(1e6), { minLength: 5, maxLength: 60 }),
  })
  .map(({ counts, seed }) => {
    let from = 0;
    const chunks: ItemRange[] = counts.map((count) => {
      const chunk = { from, count };
      from += count;
      return chunk;
    });
    return { total: from, chunks, seed };
  });

function halves({ from, count }: ItemRange): ItemRange[] {
  const left = Math.floor(count / 2);
  return count < 2
    ? [{ from, count }]
    : [
        { from, count: left },
        { from: from + left, count: count - left },
      ];
}

/** An order of arrivals in which every chunk comes whole or as its halves at least once, amid repetitions. */
function arrivalsOf({
  chunks,
  seed,
}: {
  chunks: readonly ItemRange[];
  seed: readonly number[];
}): ItemRange[] {
  const pick = (at: number) => seed[at % seed.length] ?? 0;
  const sure = chunks.flatMap((chunk, at) => (pick(at) % 3 === 0 ? halves(chunk) : [chunk]));
  const extra = seed.flatMap((number) => {
    const chunk = chunks[number % chunks.length];
    return chunk === undefined ? [] : number % 2 === 0 ? [chunk] : halves(chunk).slice(0, 1);
  });
  // Late halves may spoil a whole that comes after them: so all halves come at last, as redelivery would have it.
  const keyed = [...sure, ...extra].map((range, at) => ({
    range,
    key: (pick(at) * 7919 + at * 104_729) % 1009,
  }));
  const mixed = keyed.sort((a, b) => a.key - b.key).map(({ range }) => range);
  return [...mixed, ...chunks.flatMap(halves)];
}

/** Counting, the slow way: the items by number; a result counts when none of them is known. */
class NaiveGather {
  readonly items = new Map<number, number | undefined>();
  tasks = 0;
  duplicates = 0;
  isOver = false;
  readonly #total: number;

  constructor(total: number) {
    this.#total = total;
  }

  take({ from, count, failed }: Sent): string {
    const numbers = Array.from({ length: count }, (_, at) => from + at);
    if (this.isOver || numbers.some((item) => this.items.has(item))) {
      this.duplicates++;
      return "duplicate";
    }
    for (const item of numbers) this.items.set(item, failed.includes(item) ? undefined : outputOf(item));
    this.tasks++;
    this.isOver = this.items.size === this.#total;
    return "counted";
  }

  get sum(): number {
    return [...this.items.values()].reduce<number>((sum, value) => sum + (value ?? 0), 0);
  }

  get failed(): number {
    return [...this.items.values()].filter((value) => value === undefined).length;
  }
}

describe("gather", () => {
  it("counts every item once, whatever comes again, late, out of order or in halves", () => {
    fc.assert(
      fc.property(job, fc.boolean(), (each, knowsTotal) => {
        const spec = specOf(knowsTotal ? { total: each.total } : {});
        const state = startGather(spec, SUM);
        const naive = new NaiveGather(each.total);
        let counted = 0;
        for (const [at, range] of arrivalsOf(each).entries()) {
          const failed = range.from % 5 === 0 ? [range.from] : [];
          // The total is told by a later result only, where the input was read as a stream.
          const told =
            knowsTotal || range.from + range.count === each.total ? { ...spec, total: each.total } : spec;
          const arrival = arrivalOf(told, SUM, { ...range, failed }, at + 1);
          const said = onResult(state, SUM, arrival);
          expect(said).toBe(naive.take({ ...range, failed }));
          if (said === "counted") counted += range.count;
          expect(state.verdict).toEqual(naive.isOver ? { state: "succeeded" } : undefined);
        }
        expect(naive.isOver).toBe(true);
        expect(state.verdict).toEqual({ state: "succeeded" });
        expect(SUM.finish(state.accumulator)).toBe(naive.sum);
        expect(state.coverage.count).toBe(counted);
        expect({ tasks: state.tasks, duplicates: state.duplicates, failed: state.failed }).toEqual({
          tasks: naive.tasks,
          duplicates: naive.duplicates,
          failed: naive.failed,
        });
        expect(state.handlerMs).toBe(each.total);
        expect(state.bytes).toBe(10 * each.total);
      }),
      { numRuns: 300 },
    );
  });

  it("keeps where the pieces of an ordered result lie, each item in exactly one", () => {
    fc.assert(
      fc.property(job, (each) => {
        const spec = specOf({ total: each.total, reduce: { name: "collect", params: {} } });
        const state = startGather(spec, COLLECT);
        const arrivals = arrivalsOf(each);
        for (const [at, range] of arrivals.entries())
          onResult(state, COLLECT, arrivalOf(spec, COLLECT, { ...range, failed: [] }, at + 1));
        const sorted = [...state.pieces].sort((a, b) => a.from - b.from);
        let next = 0;
        for (const { from, count, seq } of sorted) {
          expect(from).toBe(next);
          expect(arrivals[seq - 1]).toEqual({ from, count });
          next += count;
        }
        expect(next).toBe(each.total);
        expect(state.accumulator).toBeUndefined();
      }),
    );
  });

  it("comes to the same result, whatever the cut and the order", () => {
    fc.assert(
      fc.property(job, job, (one, other) => {
        const total = Math.min(one.total, other.total);
        const sumOf = (each: typeof one) => {
          const state = startGather(specOf({ total }), SUM);
          const chunks = each.chunks
            .map(({ from, count }) => ({ from, count: Math.min(count, total - from) }))
            .filter(({ count }) => count > 0);
          for (const [at, range] of arrivalsOf({ ...each, chunks }).entries())
            onResult(state, SUM, arrivalOf(state.spec, SUM, { ...range, failed: [] }, at + 1));
          return SUM.finish(state.accumulator);
        };
        expect(sumOf(one)).toBe(sumOf(other));
      }),
      { numRuns: 60 },
    );
  });

  it("remembers the lowest sequence of what it counted, in whatever order it was digested", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 30 }),
        (seqs) => {
          const state = startGather(specOf({ total: 1000 }), SUM);
          for (const [from, seq] of seqs.entries())
            onResult(state, SUM, arrivalOf(state.spec, SUM, { from, count: 1, failed: [] }, seq));
          expect(state.firstSeq).toBe(Math.min(...seqs));
        },
      ),
    );
  });

  it("names the first twenty failed items, and counts them all", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 10 }), (counts) => {
        const total = counts.reduce((sum, count) => sum + count, 0);
        const state = startGather(specOf({ total }), SUM);
        let from = 0;
        for (const [at, count] of counts.entries()) {
          const failed = Array.from({ length: count }, (_, offset) => from + offset);
          onResult(state, SUM, arrivalOf(state.spec, SUM, { from, count, failed }, at + 1));
          from += count;
        }
        expect(state.failed).toBe(total);
        const named = Array.from({ length: Math.min(total, MAX_NAMED_FAILURES) }, (_, at) => at);
        expect(state.failures.map(({ index }) => index)).toEqual(named);
        expect(state.verdict).toEqual({ state: "succeeded" });
      }),
    );
  });
});

function gathering(
  spec: JobSpec,
  reducer: Reducer,
): { state: GatherState; send: (sent: Sent, seq?: number) => string } {
  const state = startGather(spec, reducer);
  return { state, send: (sent, seq = 1) => onResult(state, reducer, arrivalOf(spec, SUM, sent, seq)) };
}

describe("failed items", () => {
  it("are counted as the result says, though it names only the first of them", () => {
    const state = startGather(specOf({ total: 1_000 }), SUM);
    const arrival = arrivalOf(state.spec, SUM, { from: 0, count: 500, failed: [3] }, 1);
    onResult(state, SUM, { ...arrival, result: { ...arrival.result, failed: 400 } });
    expect(state.failed).toBe(400);
    expect(state.failures).toEqual([failureOf(3)]);
  });
});

describe("the verdict", () => {
  it("is failed with the first failed item where the job says so, and everything after is a duplicate", () => {
    const { state, send } = gathering(specOf({ total: 10, onError: "fail" }), SUM);
    expect(send({ from: 0, count: 2, failed: [] })).toBe("counted");
    expect(state.verdict).toBeUndefined();
    expect(send({ from: 4, count: 2, failed: [5] })).toBe("counted");
    expect(state.verdict).toMatchObject({
      state: "failed",
      error: { code: "handler_failed", path: "items[5]", message: "Item 5 failed (tried 2 times): no 5" },
    });
    const before = structuredClone({
      ...state,
      coverage: state.coverage.toJSON(),
      verdict: undefined,
      duplicates: 0,
    });
    for (const from of [6, 0, 2]) expect(send({ from, count: 2, failed: [from] })).toBe("duplicate");
    expect({ ...state, coverage: state.coverage.toJSON(), verdict: undefined, duplicates: 0 }).toEqual(
      before,
    );
    expect(state.duplicates).toBe(3);
  });

  it.each([
    ["that loses an output", { outputs: 1 }, {}, "of 2 items from 2, 1 have outputs and 0 failed"],
    ["whose attempts are too few", { attempts: 0 }, {}, "4 outputs came of 2 attempts"],
    ["that knows of another total", {}, { total: 5 }, "one result says that there are 4 items, another 5"],
  ])("is failed by a result %s: its receipt does not add up", (_, tally, more, said) => {
    const { state } = gathering(specOf({ total: 4 }), SUM);
    const send = (from: number, counted: Partial<Tally>, spec: Partial<JobSpec>) => {
      const arrival = arrivalOf(specOf({ total: 4, ...spec }), SUM, { from, count: 2, failed: [] }, from + 1);
      const result = { ...arrival.result, tally: { ...tallyOf({ from, count: 2, failed: [] }), ...counted } };
      onResult(state, SUM, { ...arrival, result });
    };
    send(0, {}, {});
    send(2, tally, more);
    expect(state.verdict).toMatchObject({ state: "failed", error: { code: "receipt_mismatch" } });
    expect(state.verdict?.state === "failed" && state.verdict.error.message).toContain(said);
  });

  it("is failed by a result without a tally", () => {
    const { state } = gathering(specOf({ total: 1 }), SUM);
    const arrival = arrivalOf(specOf({ total: 1 }), SUM, { from: 0, count: 1, failed: [] }, 1);
    const { tally: _, ...result } = arrival.result;
    onResult(state, SUM, { ...arrival, result });
    expect(state.verdict).toMatchObject({ state: "failed", error: { code: "receipt_mismatch" } });
  });

  it("is failed even where the failed item is the last that was missing", () => {
    const { state, send } = gathering(specOf({ total: 1, onError: "fail" }), SUM);
    send({ from: 0, count: 1, failed: [0] });
    expect(state.verdict?.state).toBe("failed");
  });

  it("waits for the total where the input is still being read", () => {
    const { state } = gathering(specOf(), SUM);
    const send = (from: number, more: Partial<JobSpec> = {}) =>
      onResult(state, SUM, arrivalOf(specOf(more), SUM, { from, count: 1, failed: [] }, from + 1));
    send(0);
    send(1);
    expect(state.verdict).toBeUndefined();
    send(3, { total: 4 });
    expect(state.total).toBe(4);
    expect(state.verdict).toBeUndefined();
    send(2);
    expect(state.verdict).toEqual({ state: "succeeded" });
  });

  it.each([
    [
      "throws",
      () =>
        customReducer(() => {
          throw new TypeError("no such thing");
        }),
      "no such thing",
    ],
    ["returns nothing", () => customReducer(() => undefined), "returned nothing"],
  ])("is failed where the module's own reducer %s: the job's loss, not its neighbours'", (_, make, said) => {
    const reducer = make();
    const state = startGather(specOf({ total: 3 }), reducer);
    const send = (from: number) =>
      onResult(state, reducer, {
        ...arrivalOf(state.spec, SUM, { from, count: 1, failed: [] }, 1),
        result: { spec: state.spec, from, count: 1, partial: "[1]", failures: [], handlerMs: 1, worker: "w" },
      });
    expect(send(0)).toBe("counted");
    expect(send(1)).toBe("counted");
    expect(state.verdict).toMatchObject({ state: "failed", error: { code: "handler_failed" } });
    expect(state.verdict?.state === "failed" && state.verdict.error.message).toContain(said);
    expect(send(2)).toBe("duplicate");
  });

  it.each(["", "{", '"x"', "[1,2,3]", "null"])(
    "is failed by a partial that no reducer writes: %j",
    (partial) => {
      const state = startGather(specOf({ total: 2 }), SUM);
      const arrival = arrivalOf(state.spec, SUM, { from: 0, count: 1, failed: [] }, 1);
      expect(onResult(state, SUM, { ...arrival, result: { ...arrival.result, partial } })).toBe("counted");
      expect(state.verdict?.state).toBe("failed");
    },
  );
});
