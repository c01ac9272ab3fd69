/** What a server or an operator takes away in the midst of a job, on a real server. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

const ITEMS = 2_000;
const BODY = JSON.stringify({ range: { from: 0, to: ITEMS } });
const SUM = `${(ITEMS * (ITEMS - 1)) / 2}`;

describe("a job of which the broker lost something", () => {
  let server: ServerOnDisk;
  let fleet: Fleet;

  beforeAll(async () => {
    server = await serverOnDisk();
    await (await Fleet.join(server.url, { lease: "1s" })).stop();
  });
  afterAll(async () => {
    await server?.remove();
  });
  beforeEach(async () => {
    fleet = await Fleet.join(server.url);
  });
  afterEach(async () => {
    await fleet?.stop();
  });

  /** Resolves when so many tasks wait for a worker. */
  async function tasksWait(tasks: number) {
    const waiting = async () => (await fleet.client.broker.streamState("MUSTER_TASKS")).messages;
    await expect.poll(waiting, { timeout: 20_000 }).toBeGreaterThanOrEqual(tasks);
  }

  /** Resolves when all tasks that were released have their results in the stream. */
  async function resultsWait() {
    const { broker } = fleet.client;
    const left = async () => {
      const { messages } = await broker.streamState("MUSTER_RESULTS");
      return messages === 0 || (await broker.last("MUSTER_TASKS", "muster.tasks.>")) !== undefined;
    };
    await expect.poll(left, { timeout: 20_000 }).toBe(false);
  }

  async function begun(options: Record<string, string | number>) {
    return await fleet.client.submit({ kind: "double", body: BODY, options });
  }

  const jobs = [
    { what: "a small job", options: { reduce: "sum", chunk: 20 }, tasks: 100 },
    { what: "a large job", options: { reduce: "sum", chunk: 20, window: 50 }, tasks: 50 },
    { what: "a large job whose items are collected", options: { chunk: 20, window: 50 }, tasks: 50 },
  ];

  function expectWhole(text: string, options: { reduce?: string }) {
    if (options.reduce === "sum") expect(text).toBe(`${2 * Number(SUM)}`);
    else expect(JSON.parse(text)).toEqual(Array.from({ length: ITEMS }, (_, index) => 2 * index));
  }

  it.each(jobs)("$what gets its tasks again that were purged", async ({ options, tasks }) => {
    await fleet.start("dispatcher");
    await fleet.start("aggregator");
    const job = await begun(options);
    await tasksWait(tasks);
    await fleet.client.broker.purge("MUSTER_TASKS", "muster.tasks.>");
    await fleet.start("worker", { slots: 2 });
    const { text, outcome } = await fleet.result(job);
    expectWhole(text, options);
    expect(outcome.counts.items).toBe(ITEMS);
  });

  it.each(jobs)("$what runs those items again whose results were purged", async ({ options }) => {
    await fleet.start("dispatcher");
    await fleet.start("worker", { slots: 2 });
    const job = await begun(options);
    await resultsWait();
    await fleet.client.broker.purge("MUSTER_RESULTS", ">");
    await fleet.start("aggregator");
    const { text, outcome } = await fleet.result(job);
    expectWhole(text, options);
    expect(outcome.counts.items).toBe(ITEMS);
  });

  it("one result that was deleted is made again, and no other", async () => {
    const { node } = await fleet.start("dispatcher");
    await fleet.start("worker", { slots: 2 });
    const job = await begun({ reduce: "sum", chunk: 20 });
    await resultsWait();
    const lost = node.context("observer").events.once("items.lost");
    const { firstSeq, messages } = await fleet.client.broker.streamState("MUSTER_RESULTS");
    expect(messages).toBeGreaterThan(1);
    await fleet.client.broker.remove("MUSTER_RESULTS", firstSeq);
    await fleet.start("aggregator");
    expect((await fleet.result(job)).text).toBe(`${2 * Number(SUM)}`);
    const { items, round } = await lost;
    expect(round).toBe(1);
    expect(items).toBeLessThan(ITEMS);
  });

  it("a job whose tasks and cursor were purged begins again", async () => {
    await fleet.start("dispatcher");
    await fleet.start("aggregator");
    const job = await begun({ reduce: "sum", chunk: 20, window: 50 });
    await tasksWait(50);
    await fleet.client.broker.purge("MUSTER_TASKS", ">");
    await fleet.start("worker", { slots: 2 });
    expect((await fleet.result(job)).text).toBe(`${2 * Number(SUM)}`);
  });

  it("a job whose tasks vanish again and again fails, and says so", async () => {
    await fleet.start("dispatcher");
    await fleet.start("aggregator");
    const job = await begun({ reduce: "sum", chunk: 20 });
    const purging = setInterval(() => void fleet.client.broker.purge("MUSTER_TASKS", "muster.tasks.>"), 50);
    const { outcome } = await fleet.result(job).finally(() => clearInterval(purging));
    expect(outcome.state).toBe("failed");
    expect(outcome.error?.code).toBe("items_lost");
    expect(outcome.error?.message).toBe(
      `2000 of the 2000 released items of job "${job}" are gone from the broker: it lost their tasks or results, again and again.`,
    );
  });
});
