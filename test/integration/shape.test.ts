/**
 * What a job costs in messages and bytes, and how much of it is under way at once: counted on the wire, between all actors and
 * the server. These figures hold on any machine; how fast it goes is for `muster bench` to say.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClientJob } from "../../src/actors/submit.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";
import { type CuttableProxy, startProxy } from "../support/proxy.ts";
import { WireTally } from "../support/wire-tally.ts";

const TASKS = 2_000;

describe("what a job costs on the wire", () => {
  let server: ServerOnDisk;
  let proxy: CuttableProxy;
  let fleet: Fleet;
  const tally = new WireTally();

  beforeAll(async () => {
    server = await serverOnDisk();
    proxy = await startProxy(server.port, tally.link);
    fleet = await Fleet.join(`nats://127.0.0.1:${proxy.port}`, { lease: "10s" });
    await fleet.startAll();
  });
  afterAll(async () => {
    await fleet?.stop();
    await proxy?.stop();
    await server?.remove();
  });

  async function cost(body: string, options: ClientJob["options"]) {
    tally.begin();
    const { outcome } = await fleet.run("double", body, options);
    expect(outcome).toMatchObject({ state: "succeeded" });
    return { ...tally.counts, tasks: outcome.counts.tasks };
  }

  const rangeOf = (count: number) => JSON.stringify({ range: { from: 0, to: count } });

  it("is a task, an acknowledgement and at most a result each way for a task of one item", async () => {
    const { sent, delivered, bytes, tasks } = await cost(rangeOf(TASKS), { chunk: 1, reduce: "sum" });
    expect(tasks).toBe(TASKS);
    // Beside these: results' acknowledgements, pulls, cursors, beats, progress.
    expect(sent / TASKS).toBeLessThan(3.5);
    expect(delivered / TASKS).toBeLessThan(3.5);
    expect(bytes / TASKS).toBeLessThan(2_500);
  });

  it("sends the results of fast tasks together", async () => {
    const { resultMessages } = await cost(rangeOf(TASKS), { chunk: 1, reduce: "sum" });
    expect(resultMessages).toBeLessThan(TASKS / 2);
  });

  it("does not grow with the items of a chunk", async () => {
    const small = await cost(rangeOf(2_000), { chunk: 100, reduce: "sum" });
    const large = await cost(rangeOf(2_000_000), { chunk: 100_000, reduce: "sum" });
    expect([small.taskMessages, large.taskMessages]).toEqual([20, 20]);
    expect(large.taskBytes / small.taskBytes).toBeLessThan(1.2);
    // Of the small ones several may have gone together, which makes them smaller.
    expect(large.resultBytes / large.tasks).toBeLessThan(1_000);
  });

  it("never has more tasks out than the window allows", async () => {
    const { mostTasksOut } = await cost(rangeOf(TASKS), { chunk: 1, window: 64, reduce: "sum" });
    expect(mostTasksOut).toBeGreaterThan(0);
    expect(mostTasksOut).toBeLessThanOrEqual(64);
  });

  it("has few writes unanswered at once, however many tasks there are", async () => {
    const few = await cost(rangeOf(TASKS), { chunk: 1, reduce: "sum" });
    const many = await cost(rangeOf(10 * TASKS), { chunk: 1, reduce: "sum" });
    expect(few.mostUnanswered).toBeGreaterThan(0);
    expect(many.mostUnanswered).toBeLessThan(64);
  });
});
