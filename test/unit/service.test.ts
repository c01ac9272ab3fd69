import { describe, expect, it } from "vitest";
import { Service } from "../../src/runtime/service.ts";

/** A promise that is settled from outside. */
function gate(): { opened: Promise<void>; open: () => void; slam: (error: Error) => void } {
  let open = () => {};
  let slam: (error: Error) => void = () => {};
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve;
    slam = reject;
  });
  opened.catch(() => {});
  return { opened, open, slam };
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Notes what happens to it, and waits at its gates. */
class Probe extends Service {
  readonly story: string[] = [];
  readonly starting = gate();
  readonly stopping = gate();
  /** Something that runs while the service does. */
  running = 0;

  get fetch(): AbortSignal {
    return this.fetchSignal;
  }

  get work(): AbortSignal {
    return this.workSignal;
  }

  protected async onStart(): Promise<void> {
    this.story.push("start");
    this.running++;
    await this.starting.opened;
    this.story.push("started");
  }

  protected async onStop(): Promise<void> {
    this.story.push(`stop, work ${this.workSignal.aborted ? "aborted" : "goes on"}`);
    await this.stopping.opened;
    this.running--;
    this.story.push("stopped");
  }
}

function openProbe(): Probe {
  const probe = new Probe();
  probe.starting.open();
  probe.stopping.open();
  return probe;
}

describe("a service", () => {
  it("starts once, and stops once, however often it is asked", async () => {
    const probe = openProbe();
    expect(probe.phase).toBe("new");
    await Promise.all([probe.start(), probe.start()]);
    await probe.start();
    expect(probe.phase).toBe("running");
    await Promise.all([probe.stop(), probe.stop()]);
    await probe.stop();
    expect(probe.phase).toBe("stopped");
    expect(probe.story).toEqual(["start", "started", "stop, work goes on", "stopped"]);
  });

  it("is running only when its start is through", async () => {
    const probe = new Probe();
    const started = probe.start();
    await tick();
    expect(probe.phase).toBe("starting");
    probe.starting.open();
    await started;
    expect(probe.phase).toBe("running");
    probe.stopping.open();
    await probe.stop();
  });

  it("that was stopped before its start never starts", async () => {
    const probe = openProbe();
    await probe.stop();
    expect(probe.phase).toBe("stopped");
    await expect(probe.start()).rejects.toThrow("stopped");
    expect(probe.story).toEqual([]);
    expect([probe.fetch.aborted, probe.work.aborted]).toEqual([true, true]);
  });

  it("that is stopped while it starts waits for the start, then gives back what that acquired", async () => {
    const probe = new Probe();
    const started = probe.start();
    const stopped = probe.stop();
    expect(probe.phase).toBe("stopping");
    expect(probe.fetch.aborted).toBe(true);
    await tick();
    expect(probe.story).toEqual(["start"]);
    probe.starting.open();
    await started;
    expect(probe.phase).toBe("stopping");
    probe.stopping.open();
    await stopped;
    expect(probe.story).toEqual(["start", "started", "stop, work goes on", "stopped"]);
    expect([probe.phase, probe.running]).toEqual(["stopped", 0]);
  });

  it("whose start fails tells its caller, and gives back what it had acquired when it is stopped", async () => {
    const probe = new Probe();
    probe.stopping.open();
    const started = probe.start();
    probe.starting.slam(new Error("no broker"));
    await expect(started).rejects.toThrow("no broker");
    await expect(probe.start()).rejects.toThrow("no broker");
    await probe.stop();
    expect(probe.story).toEqual(["start", "stop, work goes on", "stopped"]);
    expect(probe.running).toBe(0);
  });

  it("whose start fails while it is stopped stops all the same", async () => {
    const probe = new Probe();
    probe.stopping.open();
    const started = probe.start();
    const stopped = probe.stop();
    probe.starting.slam(new Error("no broker"));
    await expect(started).rejects.toThrow("no broker");
    await stopped;
    expect([probe.phase, probe.running]).toEqual(["stopped", 0]);
  });

  it("first takes nothing new, and aborts work only when it has stopped", async () => {
    const probe = new Probe();
    probe.starting.open();
    await probe.start();
    expect([probe.fetch.aborted, probe.work.aborted]).toEqual([false, false]);
    const stopped = probe.stop();
    await tick();
    expect([probe.fetch.aborted, probe.work.aborted]).toEqual([true, false]);
    probe.stopping.open();
    await stopped;
    expect(probe.work.aborted).toBe(true);
  });

  it("aborts work at once when that is asked for during a stop, and the stop ends as one", async () => {
    const probe = new Probe();
    probe.starting.open();
    await probe.start();
    const stopped = probe.stop();
    await tick();
    let isOver = false;
    const aborted = probe.abort().then(() => {
      isOver = true;
    });
    expect(probe.work.aborted).toBe(true);
    await tick();
    expect(isOver).toBe(false);
    probe.stopping.open();
    await Promise.all([stopped, aborted]);
    expect(probe.story).toEqual(["start", "started", "stop, work goes on", "stopped"]);
  });

  it("that is aborted stops, with its work aborted from the first", async () => {
    const probe = openProbe();
    await probe.start();
    await probe.abort();
    expect(probe.story.slice(2)).toEqual(["stop, work aborted", "stopped"]);
    expect(probe.phase).toBe("stopped");
  });

  it("that is aborted before its start never starts", async () => {
    const probe = openProbe();
    await probe.abort();
    await expect(probe.start()).rejects.toThrow("stopped");
    expect(probe.story).toEqual([]);
  });

  it("tells why a stop failed, to all who wait for it", async () => {
    const probe = new Probe();
    probe.starting.open();
    await probe.start();
    const first = probe.stop();
    probe.stopping.slam(new Error("the broker is gone"));
    await expect(first).rejects.toThrow("the broker is gone");
    await expect(probe.stop()).rejects.toThrow("the broker is gone");
  });
});

describe("starts and stops at once", () => {
  /** Fifty of them, in an order of their own. */
  async function storm(probe: Probe, round: number): Promise<PromiseSettledResult<void>[]> {
    const calls = Array.from({ length: 50 }, async (_, at) => {
      for (let turns = (at * 7 + round * 3) % 5; turns > 0; turns--) await tick();
      const choice = (at * 31 + round * 17) % 9;
      if (choice === 0) return await probe.abort();
      return choice < 6 ? await probe.start() : await probe.stop();
    });
    return await Promise.allSettled(calls);
  }

  it("leave nothing running, ten times over", async () => {
    for (let round = 0; round < 10; round++) {
      const probe = openProbe();
      const results = await storm(probe, round);
      await probe.stop();
      const reasons = results.flatMap((each) => (each.status === "rejected" ? [String(each.reason)] : []));
      for (const reason of reasons) expect(reason).toContain("stopped");
      expect(probe.phase).toBe("stopped");
      expect(probe.running).toBe(0);
      expect(probe.story.filter((each) => each === "start").length).toBeLessThanOrEqual(1);
      const begun = probe.story.includes("start");
      expect(probe.story.filter((each) => each === "stopped")).toEqual(begun ? ["stopped"] : []);
    }
  });

  it("leave nothing running where every start fails, ten times over", async () => {
    for (let round = 0; round < 10; round++) {
      const probe = new Probe();
      probe.stopping.open();
      probe.starting.slam(new Error("no broker"));
      const results = await storm(probe, round);
      await probe.stop();
      for (const each of results)
        if (each.status === "rejected") expect(String(each.reason)).toMatch(/stopped|no broker/);
      expect([probe.phase, probe.running]).toEqual(["stopped", 0]);
    }
  });
});
