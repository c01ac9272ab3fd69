import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  countAlive,
  type LeaseStep,
  leaseSteps,
  type Observed,
  observe,
} from "../../src/domain/partitions.ts";

const LEASE_MS = 1_000;
/** A round of lease keeping every third of a lease, as the aggregator does. */
const ROUND_MS = 333;
/** How long a member that died still counts as alive. */
const SILENCE_MS = 5_000;

interface Stored {
  owner: string;
  revision: number;
  /** True time of the write, which no aggregator sees. */
  written: number;
}

/** A bucket with compare-and-set, in true time. */
class Bucket {
  readonly entries = new Map<number, Stored>();
  readonly takenFrom: { owner: string; idleMs: number }[] = [];
  #revision = 0;

  write(
    { partition, revision }: { partition: number; revision: number | undefined },
    owner: string,
    now: number,
  ) {
    const standing = this.entries.get(partition);
    if (standing?.revision !== revision) return false;
    if (standing !== undefined && standing.owner !== owner)
      this.takenFrom.push({ owner: standing.owner, idleMs: now - standing.written });
    this.entries.set(partition, { owner, revision: ++this.#revision, written: now });
    return true;
  }

  remove(partition: number, revision: number): void {
    if (this.entries.get(partition)?.revision === revision) this.entries.delete(partition);
  }
}

class Aggregator {
  readonly id: string;
  /** Its clock is that much ahead of true time. */
  readonly offset: number;
  held = new Set<number>();
  diedAt: number | undefined;
  steps: readonly LeaseStep[] = [];
  #observed: ReadonlyMap<number, Observed> = new Map();

  constructor(id: string, offset: number) {
    this.id = id;
    this.offset = offset;
  }

  /** Reads the bucket and decides; what it decides is carried out later, when the bucket may have changed. */
  decide(bucket: Bucket, world: { partitions: number; alive: readonly string[]; now: number }): void {
    const now = world.now + this.offset;
    const entries = [...bucket.entries].map(([partition, { owner, revision }]) => ({
      partition,
      owner,
      revision,
    }));
    this.#observed = observe(this.#observed, entries, now);
    const { partitions, alive } = world;
    this.steps = leaseSteps({
      me: this.id,
      partitions,
      alive,
      leases: this.#observed,
      leaseMs: LEASE_MS,
      now,
    });
  }

  act(bucket: Bucket, now: number): void {
    const held = new Set<number>();
    for (const step of this.steps) {
      if (step.type === "release") bucket.remove(step.partition, step.revision);
      else if (bucket.write(step, this.id, now)) held.add(step.partition);
    }
    this.held = held;
  }
}

interface Scene {
  partitions: number;
  offsets: number[];
  /** In each round: who acts in which order, who dies, who comes. */
  rounds: { order: number; die: number | undefined; join: number | undefined; asleep: number | undefined }[];
}

const maybe = (percent: number) =>
  fc.oneof(
    { weight: 100 - percent, arbitrary: fc.constant(undefined) },
    { weight: percent, arbitrary: fc.nat(9) },
  );

const scene: fc.Arbitrary<Scene> = fc.record({
  partitions: fc.integer({ min: 1, max: 16 }),
  offsets: fc.array(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 6 }),
  rounds: fc.array(fc.record({ order: fc.nat(1e6), die: maybe(8), join: maybe(8), asleep: maybe(10) }), {
    maxLength: 60,
  }),
});

class World {
  readonly bucket = new Bucket();
  readonly partitions: number;
  readonly members: Aggregator[] = [];
  now = 0;

  constructor({ partitions, offsets }: Scene) {
    this.partitions = partitions;
    for (const offset of offsets) this.join(offset);
  }

  get living(): Aggregator[] {
    return this.members.filter(({ diedAt }) => diedAt === undefined);
  }

  join(offset: number): void {
    this.members.push(new Aggregator(`a${(this.members.length * 7919) % 1000}`, offset));
  }

  die(number: number): void {
    const { living } = this;
    const victim = living[number % living.length];
    if (victim !== undefined && living.length > 1) victim.diedAt = this.now;
  }

  /** All look, then all act, in some order: as bad a race as it can be. */
  round(order: number, asleep?: Aggregator): void {
    this.now += ROUND_MS;
    const alive = this.members
      .filter(({ diedAt }) => diedAt === undefined || this.now - diedAt < SILENCE_MS)
      .map(({ id }) => id);
    const awake = this.living.filter((each) => each !== asleep);
    for (const each of awake) each.decide(this.bucket, { partitions: this.partitions, alive, now: this.now });
    const turned = [...awake.slice(order % Math.max(1, awake.length)), ...awake].slice(0, awake.length);
    for (const each of new Set([...turned, ...awake])) each.act(this.bucket, this.now);
  }

  play({ rounds }: Scene): void {
    for (const { order, die, join, asleep } of rounds) {
      if (die !== undefined) this.die(die);
      if (join !== undefined) this.join(join * 1e6);
      this.round(order, asleep === undefined ? undefined : this.living[asleep % this.living.length]);
    }
  }

  /** Long enough to forget the dead, to give up what is too much and to claim what is free. */
  comeToRest(): void {
    for (let i = 0; i < (SILENCE_MS + 4 * LEASE_MS) / ROUND_MS + 5; i++) this.round(i);
  }
}

describe("the partitions of simulated aggregators", () => {
  it("come to have one living owner each, in fair shares, however many die and whatever their clocks say", () => {
    fc.assert(
      fc.property(scene, (each) => {
        const world = new World(each);
        world.play(each);
        world.comeToRest();
        const { living, partitions } = world;
        const owned = living.flatMap(({ held }) => [...held]).sort((a, b) => a - b);
        expect(owned).toEqual(Array.from({ length: partitions }, (_, partition) => partition));
        const shares = living.map(({ held }) => held.size);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });

  it("stay where they are once they are at rest", () => {
    fc.assert(
      fc.property(scene, (each) => {
        const world = new World(each);
        world.play(each);
        world.comeToRest();
        const owners = () => [...world.bucket.entries].map(([at, { owner }]) => `${at}:${owner}`).sort();
        const before = owners();
        for (let i = 0; i < 20; i++) {
          world.round(i);
          expect(world.living.flatMap(({ steps }) => steps.map(({ type }) => type))).toEqual(
            Array(each.partitions).fill("renew"),
          );
        }
        expect(owners()).toEqual(before);
      }),
      { numRuns: 100 },
    );
  });

  it("are never taken from an owner that renewed them within a lease", () => {
    let taken = 0;
    fc.assert(
      fc.property(scene, (each) => {
        const world = new World(each);
        world.play(each);
        world.comeToRest();
        for (const { idleMs } of world.bucket.takenFrom) expect(idleMs).toBeGreaterThan(LEASE_MS);
        taken += world.bucket.takenFrom.length;
      }),
      { numRuns: 200 },
    );
    expect(taken).toBeGreaterThan(0);
  });
});

describe("leaseSteps", () => {
  const view = fc
    .record({
      partitions: fc.integer({ min: 1, max: 12 }),
      others: fc.uniqueArray(fc.constantFrom("a", "b", "c", "x", "y"), { maxLength: 5 }),
      owners: fc.array(fc.option(fc.constantFrom("me", "a", "b", "gone"), { nil: undefined }), {
        minLength: 12,
        maxLength: 12,
      }),
      seen: fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 12, maxLength: 12 }),
    })
    .map(({ partitions, others, owners, seen }) => {
      const leases = new Map<number, Observed>();
      for (let partition = 0; partition < partitions; partition++) {
        const owner = owners[partition];
        if (owner !== undefined)
          leases.set(partition, { partition, owner, revision: partition + 1, seen: seen[partition] ?? 0 });
      }
      return { me: "me", partitions, alive: ["me", ...others], leases, leaseMs: LEASE_MS, now: 3_000 };
    });

  it("name each partition once at most, keep no more than a fair share, and touch no live lease of others", () => {
    fc.assert(
      fc.property(view, (each) => {
        const steps = leaseSteps(each);
        const named = steps.map(({ partition }) => partition);
        expect(new Set(named).size).toBe(named.length);
        const kept = steps.filter(({ type }) => type !== "release").length;
        expect(kept).toBeLessThanOrEqual(Math.ceil(each.partitions / each.alive.length));
        for (const step of steps) {
          const lease = each.leases.get(step.partition);
          expect(step.revision).toBe(lease?.revision);
          if (step.type === "claim") {
            const isFree = lease === undefined || each.now - lease.seen > LEASE_MS;
            expect(isFree && lease?.owner !== "me").toBe(true);
          } else expect(lease?.owner).toBe("me");
        }
      }),
      { numRuns: 500 },
    );
  });

  it("give up nothing while there is no more than a fair share, and say something of all that is mine", () => {
    fc.assert(
      fc.property(view, (each) => {
        const steps = leaseSteps(each);
        const mine = [...each.leases.values()].filter(({ owner }) => owner === "me").length;
        const released = steps.filter(({ type }) => type === "release").length;
        const renewed = steps.filter(({ type }) => type === "renew").length;
        expect(renewed + released).toBe(mine);
        if (mine <= Math.floor(each.partitions / each.alive.length)) expect(released).toBe(0);
      }),
    );
  });
});

describe("countAlive", () => {
  const view = { me: "me", leases: new Map<number, Observed>(), leaseMs: LEASE_MS, now: 10_000 };

  it("leaves out who missed a beat by a whole lease, though it never had a partition", () => {
    const peers = [
      { id: "me", seen: 9_500 },
      { id: "late", seen: 8_100 },
      { id: "dead", seen: 7_900 },
    ];
    expect(countAlive(peers, new Map(), view)).toEqual(["me", "late"]);
  });

  it("leaves out the owner of a dead lease until its next beat", () => {
    const leases = new Map([[1, { partition: 1, owner: "a", revision: 1, seen: 8_900 }]]);
    const suspects = new Map<string, number>();
    expect(countAlive([{ id: "a", seen: 9_900 }], suspects, { ...view, leases })).toEqual([]);
    expect(countAlive([{ id: "a", seen: 10_100 }], suspects, { ...view, now: 10_200 })).toEqual(["a"]);
  });
});

describe("observe", () => {
  it("keeps since when a revision is seen, and begins anew with every other", () => {
    const entry = { partition: 1, owner: "a", revision: 5 };
    const first = observe(new Map(), [entry], 100);
    expect(first.get(1)).toEqual({ ...entry, seen: 100 });
    const second = observe(first, [entry, { partition: 2, owner: "b", revision: 6 }], 200);
    expect(second.get(1)?.seen).toBe(100);
    expect(second.get(2)?.seen).toBe(200);
    const third = observe(second, [{ ...entry, revision: 7 }], 300);
    expect(third.get(1)?.seen).toBe(300);
    expect(third.has(2)).toBe(false);
    expect(observe(third, [{ ...entry, revision: 5 }], 400).get(1)?.seen).toBe(400);
  });
});
