import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sleep } from "../../src/runtime/clock.ts";
import { VirtualClock } from "../../src/runtime/virtual-clock.ts";

describe("the virtual clock", () => {
  it("stands still until it is advanced", async () => {
    const clock = new VirtualClock(1000);
    let ran = false;
    clock.after(10, () => {
      ran = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.now()).toBe(1000);
    expect(ran).toBe(false);
  });

  it("runs due timers in the order of time, and ties in the order of creation", async () => {
    const clock = new VirtualClock(0);
    const ran: string[] = [];
    clock.after(20, () => ran.push("late"));
    clock.after(10, () => ran.push("first of two"));
    clock.after(10, () => ran.push("second of two"));
    clock.after(21, () => ran.push("not due"));
    await clock.advance(20);
    expect(ran).toEqual(["first of two", "second of two", "late"]);
    expect(clock.pendingTimers).toBe(1);
  });

  it("shows each timer the time at which it was due", async () => {
    const clock = new VirtualClock(0);
    const seen: number[] = [];
    clock.after(7, () => seen.push(clock.now()));
    clock.after(3, () => seen.push(clock.now()));
    await clock.advance(100);
    expect(seen).toEqual([3, 7]);
    expect(clock.now()).toBe(100);
  });

  it("lets promises settle between two timers of the same instant", async () => {
    const clock = new VirtualClock(0);
    const ran: string[] = [];
    const longChain = async () => {
      for (let i = 0; i < 50; i++) await Promise.resolve();
      ran.push("chain of the first");
    };
    clock.after(5, () => void longChain());
    clock.after(5, () => ran.push("second"));
    await clock.advance(5);
    expect(ran).toEqual(["chain of the first", "second"]);
  });

  it("runs timers that timers create, if they fall into the same advance", async () => {
    const clock = new VirtualClock(0);
    const woken: number[] = [];
    const sleeper = async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(clock, 10);
        woken.push(clock.now());
      }
    };
    const done = sleeper();
    await clock.advance(30);
    await done;
    expect(woken).toEqual([10, 20, 30]);
  });

  it("repeats until cancelled", async () => {
    const clock = new VirtualClock(0);
    const seen: number[] = [];
    const timer = clock.every(10, () => seen.push(clock.now()));
    await clock.advance(35);
    timer.cancel();
    await clock.advance(100);
    expect(seen).toEqual([10, 20, 30]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not run a timer that was cancelled, even by a timer of the same instant", async () => {
    const clock = new VirtualClock(0);
    let ran = false;
    clock.after(5, () => doomed.cancel());
    const doomed = clock.after(5, () => {
      ran = true;
    });
    await clock.advance(10);
    doomed.cancel();
    expect(ran).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  it("moves time even for a wait of 0, so that a timer that re-arms itself ends an advance", async () => {
    const clock = new VirtualClock(0);
    let runs = 0;
    const again = () => {
      runs++;
      clock.after(0, again);
    };
    again();
    await clock.advance(5);
    expect(runs).toBe(6);
  });

  it("runs until only repeating timers are left", async () => {
    const clock = new VirtualClock(0);
    let beats = 0;
    clock.every(100, () => beats++);
    clock.after(1000, () => {});
    await clock.runUntilIdle();
    expect(clock.now()).toBe(1000);
    expect(beats).toBe(9);
    expect(clock.pendingTimers).toBe(1);
  });

  it("gives up on a simulation that never becomes idle", async () => {
    const clock = new VirtualClock(0);
    const again = () => void clock.after(10, again);
    again();
    await expect(clock.runUntilIdle(1000)).rejects.toThrow("after 1000 ms");
  });

  it("refuses to be moved twice at once", async () => {
    const clock = new VirtualClock(0);
    const first = clock.advance(5);
    await expect(clock.advance(5)).rejects.toThrow("moved already");
    await first;
    expect(clock.now()).toBe(5);
  });

  it("passes on what a timer throws, and can be moved on afterwards", async () => {
    const clock = new VirtualClock(0);
    clock.after(1, () => {
      throw new Error("broken timer");
    });
    await expect(clock.advance(5)).rejects.toThrow("broken timer");
    await clock.advance(5);
    expect(clock.now()).toBe(6);
  });

  it("agrees with sorting, whatever is armed and cancelled", async () => {
    const timers = fc.array(fc.record({ ms: fc.integer({ min: 1, max: 20 }), cancelled: fc.boolean() }), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(timers, async (plan) => {
        const clock = new VirtualClock(0);
        const ran: number[] = [];
        const armed = plan.map(({ ms }, index) => clock.after(ms, () => ran.push(index)));
        for (const [index, timer] of armed.entries()) if (plan[index]?.cancelled) timer.cancel();
        await clock.advance(20);
        const expected = plan
          .map((timer, index) => ({ ...timer, index }))
          .filter((timer) => !timer.cancelled);
        expected.sort((a, b) => a.ms - b.ms || a.index - b.index);
        expect(ran).toEqual(expected.map((timer) => timer.index));
      }),
      { numRuns: 60 },
    );
  });
});
