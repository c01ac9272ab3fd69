/** How often the states of jobs are checkpointed, by a clock that only encoding and writing move on. */
import { describe, expect, it } from "vitest";
import { liveJob } from "../../src/actors/aggregator/live-job.ts";
import { Persistence } from "../../src/actors/aggregator/persistence.ts";
import type { ActorContext } from "../../src/actors/context.ts";
import type { StoreMessage } from "../../src/broker/port.ts";
import { MAX_PAUSE_MS } from "../../src/domain/checkpoint-pace.ts";
import { startGather } from "../../src/domain/gather.ts";
import { reducerFor } from "../../src/domain/reducers/index.ts";
import { PayloadTooLarge } from "../../src/errors.ts";
import { Names } from "../../src/protocol/names.ts";
import type { JobSpec } from "../../src/protocol/spec.ts";

const TICK_MS = 1_000;
const names = new Names("muster");

/** What a checkpoint takes: to encode the state, and to write it. */
interface Costs {
  encodeMs: number;
  writeMs: number;
  /** The state is larger than a message. */
  tooLarge?: boolean;
}

class Scene {
  /** Since 1970, and monotonic. */
  now = 1_000_000;
  /** Checkpoints that were encoded, whether or not they could be written. */
  readonly encoded: number[] = [];
  written = 0;
  readonly #costs: Costs;
  readonly #persistence: Persistence;
  readonly #live;

  constructor(costs: Costs) {
    this.#costs = costs;
    const clock = { now: () => this.now, monotonic: () => this.now };
    const broker = { store: (message: StoreMessage) => this.#store(message), purge: async () => {} };
    this.#persistence = new Persistence({ broker, clock, names } as unknown as ActorContext, 0);
    const spec = { job: "j", kind: "k", reduce: { name: "sum", params: {} } } as unknown as JobSpec;
    const sum = reducerFor(spec.reduce);
    const reducer = { ...sum, encode: (state: unknown) => this.#encode(() => sum.encode(state)) };
    this.#live = liveJob({ ...startGather(spec, sum), started: 0 }, reducer, this.now);
  }

  /** Results all the time, and a look every second, as a partition does. */
  async run(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end; this.now += TICK_MS) await this.look();
  }

  async look(how: { last?: boolean } = {}): Promise<void> {
    this.#live.dirty = true;
    await this.#persistence.checkpoint(1, new Map([["j", this.#live]]), how);
  }

  #encode(encode: () => string): string {
    this.encoded.push(this.now);
    this.now += this.#costs.encodeMs;
    return encode();
  }

  async #store({ subject, data }: StoreMessage) {
    if (subject !== names.jobCheckpoint(0, "j")) return { seq: 1 };
    if (this.#costs.tooLarge) throw new PayloadTooLarge("a state", data?.length ?? 0, 1);
    this.now += this.#costs.writeMs;
    this.written++;
    return { seq: this.written };
  }
}

describe("the checkpoints of a job", () => {
  it("are written every second where that costs next to nothing", async () => {
    const scene = new Scene({ encodeMs: 1, writeMs: 3 });
    await scene.run(60_000);
    expect(scene.written).toBeGreaterThan(58);
  });

  it.each([
    [200, 300],
    [500, 0],
    [0, 1_500],
  ])("take about a tenth of the time, where one takes %i + %i ms", async (encodeMs, writeMs) => {
    const scene = new Scene({ encodeMs, writeMs });
    const began = scene.now;
    await scene.run(600_000);
    const share = (scene.written * (encodeMs + writeMs)) / (scene.now - began);
    expect(share).toBeGreaterThan(0.07);
    expect(share).toBeLessThanOrEqual(0.105);
  });

  it("come no later than the bound, whatever one takes", async () => {
    const scene = new Scene({ encodeMs: 20_000, writeMs: 20_000 });
    await scene.run(600_000);
    const pauses = scene.encoded.slice(1).map((at, index) => at - (scene.encoded[index] ?? 0) - 40_000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(MAX_PAUSE_MS + TICK_MS);
    expect(scene.written).toBe(9);
  });

  it("are tried no oftener where the state does not fit into a message", async () => {
    const scene = new Scene({ encodeMs: 900, writeMs: 0, tooLarge: true });
    await scene.run(90_000);
    expect(scene.written).toBe(0);
    expect(scene.encoded.length).toBeLessThanOrEqual(11);
  });

  it("do not wait when the aggregator leaves", async () => {
    const scene = new Scene({ encodeMs: 500, writeMs: 500 });
    await scene.look();
    await scene.look();
    expect(scene.written).toBe(1);
    await scene.look({ last: true });
    expect(scene.written).toBe(2);
  });
});
