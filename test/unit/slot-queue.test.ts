import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RANKS, type Rank, SlotQueue } from "../../src/actors/worker/slot-queue.ts";

function gate<T>() {
  let open: (value: T) => void = () => {};
  let slam: (error: Error) => void = () => {};
  const opened = new Promise<T>((resolve, reject) => {
    open = resolve;
    slam = reject;
  });
  return { opened, open, slam };
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("the slots of a worker", () => {
  it("run so many at once, and give back what the work gives", async () => {
    const queue = new SlotQueue(2);
    const gates = [gate<string>(), gate<string>(), gate<string>()];
    const begun: number[] = [];
    const runs = gates.map(({ opened }, at) =>
      queue.run("normal", () => {
        begun.push(at);
        return opened;
      }),
    );
    await tick();
    expect([begun, queue.busy]).toEqual([[0, 1], 2]);
    gates[1]?.open("b");
    await tick();
    expect([begun, queue.busy]).toEqual([[0, 1, 2], 2]);
    gates[0]?.open("a");
    gates[2]?.open("c");
    expect(await Promise.all(runs)).toEqual(["a", "b", "c"]);
    expect(queue.busy).toBe(0);
  });

  it("are free again when work fails, whether it rejects or throws", async () => {
    const queue = new SlotQueue(1);
    await expect(queue.run("normal", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    const thrower = () => {
      throw new Error("thrown");
    };
    await expect(async () => queue.run("normal", thrower)).rejects.toThrow("thrown");
    expect(queue.busy).toBe(0);
    expect(await queue.run("normal", async () => "next")).toBe("next");
  });

  it("go to those who wait by rank, and within a rank in order", async () => {
    const queue = new SlotQueue(1);
    const first = gate<void>();
    const order: string[] = [];
    const running = queue.run("low", () => first.opened);
    const asked: [Rank, string][] = [
      ["low", "l1"],
      ["normal", "n1"],
      ["begun", "b1"],
      ["high", "h1"],
      ["low", "l2"],
      ["begun", "b2"],
      ["normal", "n2"],
    ];
    const runs = asked.map(([rank, name]) => queue.run(rank, async () => void order.push(name)));
    first.open();
    await Promise.all([running, ...runs]);
    expect(order).toEqual(["b1", "b2", "h1", "n1", "n2", "l1", "l2"]);
  });

  it("turn away all that wait when the queue is emptied, not what runs, nor what comes later", async () => {
    const queue = new SlotQueue(1);
    const first = gate<string>();
    const ran: string[] = [];
    const running = queue.run("low", () => first.opened);
    const waiting = RANKS.map((rank) =>
      queue.run(rank, async () => {
        ran.push(rank);
        return rank;
      }),
    );
    await tick();
    queue.empty();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined, undefined, undefined]);
    expect([ran, queue.busy]).toEqual([[], 1]);
    const late = queue.run("normal", async () => "late");
    first.open("done");
    expect(await running).toBe("done");
    expect(await late).toBe("late");
    expect(queue.busy).toBe(0);
  });

  it("agree with a plain list, whatever is asked, ended, broken or turned away", async () => {
    const event = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ type: fc.constant("ask" as const), rank: fc.constantFrom(...RANKS) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ type: fc.constantFrom("end" as const, "break" as const), pick: fc.nat(99) }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constant("empty" as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(event, { maxLength: 40 }),
        async (slots, events) => {
          const queue = new SlotQueue(slots);
          const gates = new Map<number, ReturnType<typeof gate<number>>>();
          const runs: Promise<unknown>[] = [];
          let running: number[] = [];
          let naiveRunning: number[] = [];
          let naiveWaiting: { id: number; rank: Rank }[] = [];
          const fill = () => {
            while (naiveRunning.length < slots && naiveWaiting.length > 0) {
              const [next] = [...naiveWaiting].sort(
                (a, b) => RANKS.indexOf(a.rank) - RANKS.indexOf(b.rank) || a.id - b.id,
              );
              naiveWaiting = naiveWaiting.filter((each) => each !== next);
              if (next !== undefined) naiveRunning.push(next.id);
            }
          };
          const ask = (rank: Rank) => {
            const id = runs.length;
            const mine = gate<number>();
            gates.set(id, mine);
            const work = async () => {
              running.push(id);
              return await mine.opened;
            };
            runs.push(Promise.resolve(queue.run(rank, work)).catch(() => "broken"));
            naiveWaiting.push({ id, rank });
          };
          const end = (type: "end" | "break", pick: number) => {
            const id = naiveRunning[pick % Math.max(1, naiveRunning.length)];
            if (id === undefined) return;
            if (type === "end") gates.get(id)?.open(id);
            else gates.get(id)?.slam(new Error("broken"));
            running = running.filter((each) => each !== id);
            naiveRunning = naiveRunning.filter((each) => each !== id);
          };
          for (const each of events) {
            if (each.type === "ask") ask(each.rank);
            else if (each.type === "empty") {
              queue.empty();
              naiveWaiting = [];
            } else end(each.type, each.pick);
            fill();
            await tick();
            expect([...running].sort()).toEqual([...naiveRunning].sort());
            expect(queue.busy).toBe(naiveRunning.length);
            expect(queue.busy).toBeLessThanOrEqual(slots);
          }
          queue.empty();
          for (const { open } of gates.values()) open(0);
          await Promise.all(runs);
          expect(queue.busy).toBe(0);
        },
      ),
    );
  });
});
