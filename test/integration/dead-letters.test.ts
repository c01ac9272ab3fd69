/** A task that comes again although its result was stored: what succeeded gets no dead letter. On a real server. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StreamMessage } from "../../src/broker/port.ts";
import { MAX_DEATHS } from "../../src/domain/delivery.ts";
import { decodeTask, encodeResult, type Task } from "../../src/protocol/messages.ts";
import { HEADER, partitionOf } from "../../src/protocol/names.ts";
import { SpecDecoder } from "../../src/protocol/spec.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

/** The job's last item. */
const POISON = 2;

describe("an item with which its workers died", () => {
  let server: ServerOnDisk;
  let fleet: Fleet;

  beforeEach(async () => {
    server = await serverOnDisk();
    fleet = await Fleet.join(server.url, { lease: "1s" });
    await fleet.start("dispatcher");
  });
  afterEach(async () => {
    await fleet?.stop();
    await server?.remove();
  });

  /** A job of single-item tasks of which the last comes again, and so many workers died with it. */
  async function submitted(inputs: readonly number[]) {
    const { names, broker } = fleet.node.context("observer");
    const options = { chunk: 1, onError: "continue" };
    const job = await fleet.client.submit({ kind: "double", body: JSON.stringify(inputs), options });
    const stream = names.stream("tasks");
    const waiting = async () => (await broker.streamState(stream)).messages;
    await expect.poll(waiting, { timeout: 20_000 }).toBe(inputs.length);
    const message = await broker.last(stream, names.tasksOf(job));
    if (message === undefined) throw new Error("the task is not there");
    await broker.remove(stream, message.seq);
    const suspect = { message, task: decodeTask(message, new SpecDecoder()) };
    await blame(suspect);
    return { job, suspect };
  }

  interface Suspect {
    message: StreamMessage;
    task: Task;
  }

  /** Stores the task as one that is suspected, and beside it how many workers died with it. */
  async function blame({ message, task }: Suspect) {
    const { broker } = fleet.node.context("observer");
    const { subject, data, headers } = message;
    await broker.store({ subject: marksOf(task), data: String(MAX_DEATHS) });
    await broker.store({ subject, data, headers: { ...headers, [HEADER.suspect]: "1" } });
  }

  function marksOf({ spec, from, count }: Task): string {
    return fleet.node.context("observer").names.deaths(spec.job, `${from}-${count}`);
  }

  /** As the last of its workers did, just before it died. */
  async function storeResult({ spec, from, count }: Task, output: number) {
    const { names, broker, partitions } = fleet.node.context("observer");
    const nothing = { inputDigest: [0, 0], outputDigest: [0, 0] } as const;
    const result = encodeResult({
      ...{ spec, from, count, partial: JSON.stringify([output]), failures: [], handlerMs: 1, worker: "dead" },
      tally: { ...nothing, outputs: 1, attempts: 1, began: spec.submitted, ended: spec.submitted, slots: 1 },
    });
    await broker.store({ subject: names.result(partitionOf(spec.job, partitions), spec.job), ...result });
  }

  it("gets a dead letter where it has no result", async () => {
    const { job } = await submitted([1, 2, 3]);
    await fleet.start("aggregator");
    await fleet.start("worker", { slots: 1 });
    expect((await fleet.result(job)).text).toBe("[2,4,null]");
    expect(await fleet.client.deadLetters(job)).toMatchObject([{ index: POISON, code: "poison_task" }]);
  });

  it("gets none where its result is stored, though no aggregator has read it yet", async () => {
    const { job, suspect } = await submitted([1, 2, 3]);
    await storeResult(suspect.task, 6);
    const { node } = await fleet.start("worker", { slots: 1 });
    const { broker, names } = node.context("observer");
    const tasks = async () => (await broker.streamState(names.stream("tasks"))).messages;
    // The one that waits for an answer.
    await expect.poll(tasks, { timeout: 20_000 }).toBe(1);
    await fleet.start("aggregator");
    const { text, outcome } = await fleet.result(job);
    expect(text).toBe("[2,4,6]");
    expect(outcome.counts).toMatchObject({ items: 3, failed: 0 });
    expect(await fleet.client.deadLetters(job)).toEqual([]);
  });

  it("gets none where its job is over meanwhile", async () => {
    const { broker, names } = fleet.node.context("observer");
    const { job, suspect } = await submitted([1, 2, 3]);
    await fleet.client.cancel(job);
    expect((await fleet.result(job)).outcome.state).toBe("cancelled");
    // The dispatcher removes the marks last; then it comes once more, as from a worker that slept.
    const marks = () => broker.last(names.stream("outcomes"), marksOf(suspect.task));
    await expect.poll(marks, { timeout: 20_000 }).toBeUndefined();
    await blame(suspect);
    const { node } = await fleet.start("worker", { slots: 1 });
    const tasks = async () => (await node.broker.streamState(names.stream("tasks"))).messages;
    await expect.poll(tasks, { timeout: 20_000 }).toBe(0);
    expect(await fleet.client.deadLetters(job)).toEqual([]);
  });

  it("gets a dead letter without any aggregator where it is all of its job", async () => {
    const { job } = await submitted([7]);
    await fleet.start("worker", { slots: 1 });
    const { outcome } = await fleet.result(job);
    expect(outcome.counts).toMatchObject({ items: 1, failed: 1 });
    expect(await fleet.client.deadLetters(job)).toMatchObject([{ index: 0, code: "poison_task" }]);
  });
});
