import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ActorRole, type Beat, Fleet, readBeat, SILENCE_MS } from "../../src/domain/fleet.ts";

function beatOf(id: string, more: Partial<Beat> = {}): Beat {
  return { id, role: "worker", host: "h", pid: 1, since: 0, ...more };
}

describe("the fleet", () => {
  it("tells who is new: at the first beat, and again after it left or fell silent", () => {
    const fleet = new Fleet();
    expect(fleet.onBeat(beatOf("a"), 0)).toBe(true);
    expect(fleet.onBeat(beatOf("a"), 1_000)).toBe(false);
    expect(fleet.onBeat(beatOf("a", { leaving: true }), 2_000)).toBe(false);
    expect(fleet.onBeat(beatOf("a"), 3_000)).toBe(true);
    fleet.expire(3_001 + SILENCE_MS);
    expect(fleet.onBeat(beatOf("a"), 20_000)).toBe(true);
    expect(fleet.onBeat(beatOf("never heard of", { leaving: true }), 20_000)).toBe(false);
    expect(fleet.members().map(({ id }) => id)).toEqual(["a"]);
  });

  it("forgets who is silent for longer than the limit, not before", () => {
    const fleet = new Fleet();
    fleet.onBeat(beatOf("a"), 0);
    fleet.onBeat(beatOf("b"), 1);
    expect(fleet.expire(SILENCE_MS)).toEqual([]);
    expect(fleet.expire(SILENCE_MS + 1).map(({ id }) => id)).toEqual(["a"]);
    expect(fleet.expire(SILENCE_MS + 1)).toEqual([]);
    expect(fleet.members().map(({ id }) => id)).toEqual(["b"]);
  });

  it("adds up the slots of the workers that serve a kind, as their last beats say", () => {
    const fleet = new Fleet();
    fleet.onBeat(beatOf("a", { kinds: ["x", "y"], slots: 3 }), 0);
    fleet.onBeat(beatOf("b", { kinds: ["y"], slots: 4 }), 0);
    expect([fleet.slotsFor("x"), fleet.slotsFor("y"), fleet.slotsFor("z")]).toEqual([3, 7, 0]);
    fleet.onBeat(beatOf("b", { kinds: ["z"], slots: 5 }), 1);
    expect([fleet.slotsFor("y"), fleet.slotsFor("z")]).toEqual([3, 5]);
    fleet.onBeat(beatOf("a", { leaving: true }), 2);
    expect(fleet.kinds).toEqual(["z"]);
    fleet.expire(10_000);
    expect(fleet.kinds).toEqual([]);
  });

  it("lists members by role", () => {
    const fleet = new Fleet();
    const roles: ActorRole[] = ["worker", "aggregator", "dispatcher", "worker"];
    for (const [at, role] of roles.entries()) fleet.onBeat(beatOf(`m${at}`, { role }), 0);
    expect(fleet.members("worker").map(({ id }) => id)).toEqual(["m0", "m3"]);
    expect(fleet.members()).toHaveLength(4);
  });

  it("is not spoilt by an odd beat: its subject is open to whoever may publish there", () => {
    const fleet = new Fleet();
    fleet.onBeat(beatOf("good", { kinds: ["x"], slots: 2 }), 0);
    const odd: unknown[] = [
      { kinds: 5, slots: 1 },
      { kinds: null },
      { kinds: { x: 1 } },
      { kinds: ["x", "x", "x"], slots: 1 },
      { kinds: ["x"], slots: "4" },
      { kinds: ["x"], slots: -7 },
      { kinds: ["x"], slots: 1e308 },
      { kinds: ["x"], slots: null },
    ];
    for (const [at, more] of odd.entries()) {
      const beat = readBeat(beatOf(`odd${at}`, more as Partial<Beat>));
      if (beat !== undefined) fleet.onBeat(beat, 0);
    }
    expect(fleet.slotsFor("x")).toBe(3);
    for (const said of [undefined, null, 5, [], { id: 5, role: "worker" }, { id: "a", role: "king" }])
      expect(readBeat(said)).toBeUndefined();
  });

  it("agrees with a list of beats after any of them, in any order", () => {
    const event = fc.record({
      id: fc.constantFrom("a", "b", "c", "d"),
      after: fc.nat(4_000),
      kinds: fc.uniqueArray(fc.constantFrom("x", "y", "z")),
      slots: fc.integer({ min: 0, max: 9 }),
      leaving: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const fleet = new Fleet();
        const last = new Map<string, { beat: Beat; at: number }>();
        let now = 0;
        for (const { id, after, ...more } of events) {
          now += after;
          fleet.expire(now);
          const beat = beatOf(id, more);
          fleet.onBeat(beat, now);
          last.set(id, { beat, at: now });
          const here = [...last.values()].filter(({ beat, at }) => !beat.leaving && now - at <= SILENCE_MS);
          expect(
            fleet
              .members()
              .map(({ id }) => id)
              .sort(),
          ).toEqual(here.map(({ beat }) => beat.id).sort());
          for (const kind of ["x", "y", "z"]) {
            const serving = here.filter(({ beat }) => beat.kinds?.includes(kind));
            expect(fleet.slotsFor(kind)).toBe(serving.reduce((sum, { beat }) => sum + (beat.slots ?? 0), 0));
          }
        }
      }),
    );
  });
});
