import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chunkSize,
  type Gathered,
  isDispatched,
  MAX_CHUNK_BYTES,
  NOTHING_DISPATCHED,
  nextChunks,
  onGathered,
  onReleased,
  onTotal,
  type ScatterState,
  smallChunks,
  startScatter,
  TARGET_MS,
  tasksOut,
  windowOf,
} from "../../src/domain/scatter.ts";
import { ImpossibleTransition } from "../../src/errors.ts";
import type { ItemRange } from "../../src/protocol/spec.ts";

/** What has come back of the simulated chunks. */
class NaiveGather {
  readonly costMs: (item: number) => number;
  readonly bytes: number;
  report: Gathered = { tasks: 0, items: 0, handlerMs: 0, bytes: 0 };

  constructor(costMs: (item: number) => number, bytes: number) {
    this.costMs = costMs;
    this.bytes = bytes;
  }

  take({ from, count }: ItemRange): void {
    const { tasks, items, handlerMs, bytes } = this.report;
    let ms = handlerMs;
    for (let item = from; item < from + count; item++) ms += this.costMs(item);
    this.report = {
      tasks: tasks + 1,
      items: items + count,
      handlerMs: ms,
      bytes: bytes + count * this.bytes,
    };
  }
}

const HAPPENINGS = ["pump", "work", "split", "report", "old report", "take over", "fleet"] as const;

interface Scene {
  total: number;
  knowsTotal: boolean;
  chunk: number | undefined;
  window: number | undefined;
  costs: number[];
  outputBytes: number;
  itemBytes: number;
  most: number;
  /** What happens, step by step; numbers choose among what is possible. */
  events: { type: (typeof HAPPENINGS)[number]; pick: number }[];
}

const option = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const scene: fc.Arbitrary<Scene> = fc.record({
  total: fc.integer({ min: 1, max: 600 }),
  knowsTotal: fc.boolean(),
  chunk: option(fc.integer({ min: 1, max: 50 })),
  window: option(fc.integer({ min: 1, max: 40 })),
  costs: fc.array(fc.constantFrom(0, 0.001, 0.5, 3, 40, 400), { minLength: 1, maxLength: 12 }),
  outputBytes: fc.constantFrom(0, 10, 5_000, 400_000),
  itemBytes: fc.constantFrom(0, 20, 9_000, 300_000),
  most: fc.constantFrom(1, 7, 999),
  events: fc.array(
    fc.record({
      type: fc.constantFrom(...HAPPENINGS),
      pick: fc.nat(1000),
    }),
    { maxLength: 120 },
  ),
});

/** A dispatcher, its cursor, workers and an aggregator, in a few lines. */
class Simulation {
  readonly scene: Scene;
  readonly gather: NaiveGather;
  readonly released: ItemRange[] = [];
  readonly reports: Gathered[] = [];
  out: ItemRange[] = [];
  slots = 4;
  /** A poison task was cut in two: one more task is out than was released. */
  splits = 0;
  state: ScatterState;

  constructor(scene: Scene) {
    this.scene = scene;
    this.gather = new NaiveGather((item) => scene.costs[item % scene.costs.length] ?? 0, scene.outputBytes);
    this.state = startScatter(this.limits());
  }

  limits() {
    const { chunk, window, total, knowsTotal } = this.scene;
    return { chunk, window, total: knowsTotal ? total : undefined };
  }

  step({ type, pick }: Scene["events"][number]): void {
    if (type === "pump") this.pump();
    if (type === "work") this.work(pick);
    if (type === "split") this.split(pick);
    if (type === "report") this.hear(this.gather.report);
    if (type === "old report") this.hear(this.reports[pick % Math.max(1, this.reports.length)]);
    if (type === "take over") this.takeOver();
    if (type === "fleet") this.slots = pick % 30;
  }

  /** As the dispatcher does: batch after batch, until nothing more may go. */
  pump(): number {
    let released = 0;
    for (let batch = this.release(); batch.length > 0; batch = this.release()) released += batch.length;
    return released;
  }

  release(): ItemRange[] {
    const { itemBytes, most, total, window } = this.scene;
    const planned = nextChunks(this.state, { slots: this.slots, itemBytes, most });
    expect(planned.length).toBeLessThanOrEqual(most);
    for (const { from, count } of planned)
      expect(from + count).toBeLessThanOrEqual(this.state.limits.total ?? Infinity);
    // A source of unknown length gives what it has.
    const given = planned
      .map(({ from, count }) => ({ from, count: Math.min(count, total - from) }))
      .filter(({ count }) => count > 0);
    if (given.length === 0) return [];
    const end = Math.max(...given.map(({ from, count }) => from + count));
    const bound = window ?? windowOf(this.state, Math.max(1, this.slots), itemBytes);
    this.state = onReleased(end === total ? onTotal(this.state, total) : this.state, given);
    expect(tasksOut(this.state)).toBeLessThanOrEqual(bound);
    this.released.push(...given);
    this.out.push(...given);
    if (window !== undefined) expect(this.out.length - this.splits).toBeLessThanOrEqual(window);
    return given;
  }

  work(pick: number): void {
    const [done] = this.out.splice(pick % Math.max(1, this.out.length), 1);
    if (done === undefined) return;
    this.gather.take(done);
    this.reports.push(this.gather.report);
  }

  split(pick: number): void {
    const [{ from, count } = { from: 0, count: 0 }] = this.out.splice(pick % Math.max(1, this.out.length), 1);
    if (count === 1) this.out.push({ from, count });
    if (count < 2) return;
    this.out.push({ from, count: 1 }, { from: from + 1, count: count - 1 });
    this.splits++;
  }

  hear(report: Gathered | undefined): void {
    if (report !== undefined) this.state = onGathered(this.state, report);
  }

  /** Another dispatcher goes on at the cursor, and knows nothing of what came back. */
  takeOver(): void {
    const total = this.state.limits.total ?? this.limits().total;
    this.state = startScatter({ ...this.limits(), total }, this.state.dispatched);
  }

  finish(): void {
    for (let round = 0; !isDispatched(this.state); round++) {
      if (round > 3000) throw new Error(`stuck at ${JSON.stringify(this.state)}`);
      const released = this.pump();
      const worked = this.out.length;
      while (this.out.length > 0) this.work(0);
      this.hear(this.gather.report);
      if (released === 0 && worked === 0 && this.release().length === 0 && !isDispatched(this.state)) {
        throw new Error(`nothing is out and nothing may go: ${JSON.stringify(this.state)}`);
      }
    }
  }
}

describe("scatter", () => {
  it("covers all items exactly once, in order and within the window, whatever is lost, late, or taken over", () => {
    fc.assert(
      fc.property(scene, (each) => {
        const simulation = new Simulation(each);
        for (const event of each.events) simulation.step(event);
        simulation.finish();
        let next = 0;
        for (const { from, count } of simulation.released) {
          expect(from).toBe(next);
          expect(count).toBeGreaterThanOrEqual(1);
          next += count;
        }
        expect(next).toBe(each.total);
        expect(simulation.state.dispatched).toEqual({
          next: each.total,
          tasks: simulation.released.length,
        });
      }),
      { numRuns: 400 },
    );
  });

  it("gives every task but the last as many items as the caller fixed", () => {
    fc.assert(
      fc.property(scene, fc.integer({ min: 1, max: 50 }), (each, chunk) => {
        const simulation = new Simulation({ ...each, chunk });
        for (const event of each.events) simulation.step(event);
        simulation.finish();
        for (const { from, count } of simulation.released)
          expect(count).toBe(Math.min(chunk, each.total - from));
      }),
    );
  });

  it("takes in absolute reports in any order, and keeps the newest", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1 }), (tasks) => {
        const state = tasks.reduce(
          (known, count) => onGathered(known, { tasks: count, items: count, handlerMs: count, bytes: count }),
          startScatter({ chunk: 1, window: 10, total: 100 }),
        );
        expect(state.gathered.tasks).toBe(Math.max(...tasks));
        expect(state.gathered.items).toBe(Math.max(...tasks));
      }),
    );
  });
});

const known = (more: Partial<Gathered> & { items: number; handlerMs: number }): ScatterState =>
  onGathered(
    startScatter(
      { chunk: undefined, window: undefined, total: 1e9 },
      { next: more.items, tasks: more.tasks ?? more.items },
    ),
    { tasks: more.tasks ?? more.items, bytes: 0, ...more },
  );

describe("chunk sizes", () => {
  it("probe with single items while nothing has come back", () => {
    const state = startScatter({ chunk: undefined, window: undefined, total: 1e6 });
    const chunks = nextChunks(state, { slots: 3, itemBytes: 10, most: 999 });
    expect(chunks.map(({ count }) => count)).toEqual(Array(12).fill(1));
  });

  it("aim at the target time once the cost of an item is known", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 500, noNaN: true }),
        fc.integer({ min: 1, max: 64 }),
        (ms, slots) => {
          const items = 1_000_000;
          const size = chunkSize(known({ items, handlerMs: items * ms }), slots, 0);
          if (size === 1) expect(ms).toBeGreaterThan(TARGET_MS / 2);
          else {
            expect(size * ms).toBeGreaterThan(TARGET_MS * 0.6);
            expect(size * ms).toBeLessThan(TARGET_MS * 1.4);
          }
        },
      ),
    );
  });

  it("never take more items than have come back so far", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), (items) => {
        expect(chunkSize(known({ items, handlerMs: 0 }), 1, 0)).toBeLessThanOrEqual(items);
      }),
    );
  });

  it("stay below the bytes that a chunk may have, by inputs and by outputs", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        (itemBytes, outputBytes) => {
          const items = 1_000_000;
          const state = known({ items, handlerMs: 0, bytes: items * outputBytes });
          const size = chunkSize(state, 1, itemBytes);
          if (size > 1) expect(size * Math.max(itemBytes, outputBytes)).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
          expect((size + 1) * Math.max(itemBytes, outputBytes)).toBeGreaterThan(MAX_CHUNK_BYTES - 1_000_000);
        },
      ),
    );
  });

  it("shrink towards the end, to a fair share of what is left", () => {
    const slots = 8;
    const total = 10_000;
    let state = onGathered(
      startScatter({ chunk: undefined, window: 100_000, total }, { next: 1000, tasks: 1000 }),
      { tasks: 1000, items: 1000, handlerMs: 1, bytes: 0 },
    );
    const sizes: number[] = [];
    while (!isDispatched(state)) {
      const left = total - state.dispatched.next;
      const count = chunkSize(state, slots, 0);
      expect(count).toBeLessThanOrEqual(Math.ceil(left / (2 * slots)));
      sizes.push(count);
      state = onReleased(state, [{ from: state.dispatched.next, count }]);
    }
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    expect(sizes.slice(-2 * slots)).toEqual(Array(2 * slots).fill(1));
  });
});

describe("the window", () => {
  const times = fc.record({
    items: fc.integer({ min: 1, max: 1e6 }),
    handlerMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    slots: fc.integer({ min: 1, max: 2000 }),
    itemBytes: fc.nat(1e6),
    chunk: option(fc.integer({ min: 1, max: 1e6 })),
  });

  it("feeds every slot several times over, and has an upper bound", () => {
    fc.assert(
      fc.property(times, ({ items, handlerMs, slots, itemBytes, chunk }) => {
        const state = onGathered(startScatter({ chunk, window: undefined, total: 1e9 }), {
          tasks: items,
          items,
          handlerMs,
          bytes: 0,
        });
        const window = windowOf(state, slots, itemBytes);
        expect(window).toBeGreaterThanOrEqual(4 * slots);
        expect(window).toBeLessThanOrEqual(Math.max(4096, 4 * slots));
      }),
    );
  });

  it("holds little handler time for each slot, however the first chunks were cut", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0.05, max: 100, noNaN: true }),
        (slots, probes, itemMs) => {
          const state = known({ items: probes, tasks: probes, handlerMs: probes * itemMs });
          const size = Math.max(1, Math.round(TARGET_MS / itemMs));
          const heldMs = (windowOf(state, slots, 0) * size * itemMs) / slots;
          // Four tasks a slot at least; tasks of long items take as long as their items.
          expect(heldMs).toBeLessThanOrEqual(Math.max(4 * size * itemMs, 200 + size * itemMs) * (1 + 1e-9));
        },
      ),
    );
  });

  it("is what the caller fixed, whatever is known", () => {
    fc.assert(
      fc.property(
        times,
        fc.integer({ min: 1, max: 1e5 }),
        ({ items, handlerMs, slots, itemBytes }, window) => {
          const state = onGathered(startScatter({ chunk: 1, window, total: 1e9 }), {
            tasks: items,
            items,
            handlerMs,
            bytes: 0,
          });
          expect(windowOf(state, slots, itemBytes)).toBe(window);
        },
      ),
    );
  });

  it("lets nothing out for less than a quarter of it, so that batches are worth their price", () => {
    const full = onReleased(startScatter({ chunk: 1, window: 100, total: 1000 }), smallChunks(100, 1));
    const released = (tasks: number) =>
      nextChunks(onGathered(full, { tasks, items: tasks, handlerMs: 1, bytes: 0 }), {
        slots: 1,
        itemBytes: 0,
        most: 999,
      }).length;
    expect(released(24)).toBe(0);
    expect(released(25)).toBe(25);
    expect(released(100)).toBe(100);
  });

  it("lets nothing out after a takeover until it is known what came back", () => {
    const dispatched = { next: 500, tasks: 500 };
    const state = startScatter({ chunk: 1, window: 10, total: 1000 }, dispatched);
    expect(nextChunks(state, { slots: 1, itemBytes: 0, most: 999 })).toEqual([]);
    const informed = onGathered(state, { tasks: 495, items: 495, handlerMs: 1, bytes: 0 });
    expect(nextChunks(informed, { slots: 1, itemBytes: 0, most: 999 })).toHaveLength(5);
  });
});

describe("the batches of a job that begins", () => {
  /** How many tasks each has while nothing comes back, until the window is full. */
  function batches(slots: number): number[] {
    const sizes: number[] = [];
    let state = startScatter({ chunk: 1, window: undefined, total: 100_000 });
    for (;;) {
      const chunks = nextChunks(state, { slots, itemBytes: 10, most: 999 });
      if (chunks.length === 0) return sizes;
      sizes.push(chunks.length);
      state = onReleased(state, chunks);
    }
  }

  it("are small at first, as tasks are seen only when all of their batch is stored", () => {
    expect(batches(1)).toEqual([128, 896]);
    expect(batches(300)).toEqual([600, 600]);
  });

  it("give each slot two tasks with the first, where a batch may have so many", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), (slots) => {
        expect(batches(slots)[0]).toBe(Math.min(999, Math.max(128, 2 * slots)));
      }),
    );
  });
});

describe("a released chunk", () => {
  it("must follow the one before it", () => {
    const state = startScatter({ chunk: 1, window: 1, total: 10 }, NOTHING_DISPATCHED);
    expect(() => onReleased(state, [{ from: 1, count: 1 }])).toThrow(ImpossibleTransition);
    expect(() =>
      onReleased(state, [
        { from: 0, count: 2 },
        { from: 1, count: 1 },
      ]),
    ).toThrow(ImpossibleTransition);
  });
});

describe("the chunks of a small job", () => {
  it("cover it in order, and are a function of its size alone", () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.integer({ min: 1, max: 300 }), (total, chunk) => {
        const chunks = smallChunks(total, chunk);
        const items = chunks.flatMap(({ from, count }) =>
          Array.from({ length: count }, (_, at) => from + at),
        );
        expect(items).toEqual(Array.from({ length: total }, (_, at) => at));
        for (const { count } of chunks.slice(0, -1)) expect(count).toBe(chunk);
        expect(smallChunks(total, chunk)).toEqual(chunks);
      }),
    );
  });
});
