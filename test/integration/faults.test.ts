/** Kills, departures and arrivals in the midst of jobs, with real processes and real signals. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Actors } from "../support/actor-process.ts";
import { Fleet, restarted, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

const HANDLERS = fileURLToPath(new URL("../support/fixtures/handlers/steady.mjs", import.meta.url));
const worker = ["--handlers", HANDLERS, "--slots", "1"];
const MILLION = 1_000_000;

describe("a job whose actors come and go", () => {
  let server: ServerOnDisk;
  let fleet: Fleet;
  let actors: Actors;

  beforeAll(async () => {
    server = await serverOnDisk();
    fleet = await Fleet.join(server.url, { lease: "1s" });
  });
  afterEach(async () => {
    await actors?.stop();
  });
  afterAll(async () => {
    await fleet?.stop();
    await server?.remove();
  });

  /** Resolves when at least `items` of the job are gathered. */
  const gathered = (job: string, items: number) =>
    new Promise<void>((resolve) => {
      const off = fleet.client.onProgress(job, (line) => {
        if (line.items < items && line.state === undefined) return;
        off();
        resolve();
      });
    });

  async function start(...roles: ("dispatcher" | "aggregator" | "worker")[]) {
    actors = new Actors(server.url);
    return await Promise.all(roles.map((role) => actors.start(role, ...(role === "worker" ? worker : []))));
  }

  async function disturb(
    job: string,
    fast: { kill(): Promise<unknown>; drain(): Promise<{ code: number | null }> },
  ) {
    await gathered(job, MILLION / 10);
    await fast.kill();
    await gathered(job, MILLION / 5);
    const drained = fast.drain();
    const joined = await Promise.all([actors.start("worker", ...worker), actors.start("worker", ...worker)]);
    expect((await drained).code).toBe(0);
    return joined;
  }

  it("sums a million items exactly while a worker is killed, one drains and two join", async () => {
    const [, , doomed, leaving] = await start("dispatcher", "aggregator", "worker", "worker");
    const job = await fleet.client.submit({
      kind: "steady",
      body: JSON.stringify({ range: { from: 0, to: MILLION } }),
      options: { reduce: "sum" },
    });
    await disturb(job, {
      kill: async () => await doomed?.end("SIGKILL"),
      drain: async () => (await leaving?.end("SIGTERM")) ?? { code: null },
    });
    const { outcome, text } = await fleet.result(job);
    expect(text).toBe("499999500000");
    expect(outcome.counts.items).toBe(MILLION);
  });

  it("collects a million items in order meanwhile, compared element by element", async () => {
    const [, , doomed, leaving] = await start("dispatcher", "aggregator", "worker", "worker");
    const job = await fleet.client.submit({
      kind: "steady",
      body: JSON.stringify({ range: { from: 0, to: MILLION } }),
    });
    await disturb(job, {
      kill: async () => await doomed?.end("SIGKILL"),
      drain: async () => (await leaving?.end("SIGTERM")) ?? { code: null },
    });
    const { text } = await fleet.result(job);
    const outputs: number[] = JSON.parse(text);
    expect(outputs.length).toBe(MILLION);
    expect(outputs.findIndex((value, index) => value !== index)).toBe(-1);
  });

  it("goes on at the cursor when its dispatcher is killed", async () => {
    const [doomed] = await start("dispatcher", "aggregator", "worker", "worker");
    const job = await fleet.client.submit({
      kind: "steady",
      body: JSON.stringify({ range: { from: 0, to: MILLION / 2 } }),
      options: { reduce: "sum" },
    });
    await gathered(job, MILLION / 10);
    await doomed?.end("SIGKILL");
    const successor = await actors.start("dispatcher");
    const { text } = await fleet.result(job);
    expect(text).toBe("124999750000");
    expect(successor.log.some(({ event, takeover }) => event === "job.accepted" && takeover === true)).toBe(
      true,
    );
  });

  it.each(["sum", "collect"])(
    "gathers every item once when its aggregator is killed (%s)",
    async (reduce) => {
      const [, doomed] = await start("dispatcher", "aggregator", "worker", "worker");
      const job = await fleet.client.submit({
        kind: "steady",
        body: JSON.stringify({ range: { from: 0, to: MILLION / 2 } }),
        options: { reduce },
      });
      await gathered(job, MILLION / 10);
      await doomed?.end("SIGKILL");
      await actors.start("aggregator");
      const { text, outcome } = await fleet.result(job);
      expect(outcome.counts.items).toBe(MILLION / 2);
      if (reduce === "sum") expect(text).toBe("124999750000");
      else expect((JSON.parse(text) as number[]).findIndex((value, index) => value !== index)).toBe(-1);
    },
  );

  it("gives a task up after a few workers died with it, and finds the poison item in its chunk", async () => {
    await start("dispatcher", "aggregator");
    let ended = false;
    const keepWorkers = async () => {
      // Not waiting for one to be ready: the poison may kill it sooner.
      while (!ended) await actors.spawn("worker", ...worker).exited;
    };
    const body = JSON.stringify({
      items: Array.from({ length: 16 }, (_, item) => item),
      chunk: 16,
      onError: "continue",
    });
    const job = await fleet.client.submit({ kind: "deadly", body });
    const keeping = keepWorkers();
    const { outcome, text } = await fleet.result(job);
    ended = true;
    await actors.stop();
    await keeping;
    expect(JSON.parse(text)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, null, 14, 15]);
    expect(outcome.failures).toMatchObject([{ index: 13, code: "poison_task" }]);
  }, 120_000);

  it("aborts at the second SIGTERM, and another worker runs what was begun", async () => {
    await start("dispatcher", "aggregator");
    const slow = await actors.start("worker", "--slots", "2");
    const job = await fleet.client.submit({
      kind: "sleep",
      body: "[60000,1]",
      options: { onError: "continue", chunk: 1 },
    });
    await gathered(job, 1);
    slow.child.kill("SIGTERM");
    // It drains: the minute-long item goes on, so the process is still there to be told again.
    await actors.start("worker", ...worker);
    const { code } = await slow.end("SIGTERM");
    expect(code).toBe(143);
    await fleet.client.cancel(job);
    expect((await fleet.result(job)).outcome.state).toBe("cancelled");
  });
});

describe("a broker that dies", () => {
  it("loses nothing that was accepted: killed and restarted in the midst of a job", async () => {
    const server = await serverOnDisk();
    const fleet = await Fleet.join(server.url, { lease: "1s" });
    const actors = new Actors(server.url);
    try {
      await Promise.all([
        actors.start("dispatcher"),
        actors.start("aggregator"),
        actors.start("worker", ...worker),
        actors.start("worker", ...worker),
      ]);
      const submitted = await Promise.all(
        ["sum", "collect"].map((reduce) =>
          fleet.client.submit({
            kind: "steady",
            body: JSON.stringify({ range: { from: 0, to: MILLION / 4 } }),
            options: { reduce },
          }),
        ),
      );
      const reconnected = fleet.node.events.once("broker.status", ({ status }) => status === "reconnected");
      await new Promise<void>((resolve) => {
        const off = fleet.client.onProgress(submitted[0] ?? "", ({ items }) => {
          if (items < MILLION / 20) return;
          off();
          resolve();
        });
      });
      await server.kill();
      const again = await restarted(server);
      await reconnected;
      const [sum, collected] = await Promise.all(submitted.map((job) => fleet.result(job)));
      expect(sum?.text).toBe("31249875000");
      const outputs: number[] = JSON.parse(collected?.text ?? "[]");
      expect(outputs.length).toBe(MILLION / 4);
      expect(outputs.findIndex((value, index) => value !== index)).toBe(-1);
      await actors.stop();
      await fleet.stop();
      await again.stop();
    } finally {
      await actors.stop();
      await server.remove();
    }
  }, 90_000);
});
