/** Large messages, with and without compression, on real nats-servers. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Node } from "../../src/bootstrap/node.ts";
import { receiptOf } from "../../src/domain/receipt.ts";
import type { Compression } from "../../src/protocol/compression.ts";
import { HEADER } from "../../src/protocol/names.ts";
import { cli } from "../support/cli.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";
import { findNatsCli, natsCli } from "../support/nats-cli.ts";

/** Four items of 200 KiB that compress well. */
const ITEMS = Array.from({ length: 4 }, (_, n) => `${n}: ${"to be or not to be, ".repeat(10_240)}`);
const MIB = 1024 * 1024;
const path = await findNatsCli();

/** Runs a job step by step, and measures what each stream holds meanwhile. */
async function measured(compression: Compression) {
  const server = await serverOnDisk();
  const fleet = await Fleet.join(server.url, { compression });
  const { broker } = fleet.client;
  const bytesOf = async (stream: string) => (await broker.streamState(stream)).bytes;
  const messages = (stream: string) => async () => (await broker.streamState(stream)).messages;
  try {
    const job = await fleet.client.submit({ kind: "echo", body: JSON.stringify({ items: ITEMS, chunk: 1 }) });
    const jobs = await bytesOf("MUSTER_JOBS");
    await fleet.start("dispatcher");
    await expect.poll(messages("MUSTER_TASKS")).toBe(4);
    const tasks = await bytesOf("MUSTER_TASKS");
    await fleet.start("worker", { slots: 2 });
    await expect.poll(messages("MUSTER_TASKS")).toBe(0);
    const results = await bytesOf("MUSTER_RESULTS");
    const lines: string[] = [];
    await fleet.start("aggregator");
    for await (const texts of fleet.client.outputs(job)) lines.push(...texts);
    const { outcome, text } = await fleet.result(job);
    return { stored: { jobs, tasks, results }, outcome, text, lines, receipt: receiptOf(outcome) };
  } finally {
    await fleet.stop();
    await server.remove();
  }
}

describe("a fleet that compresses", () => {
  it("stores a fraction of the bytes, and comes to the same outcome and the same digests", async () => {
    const plain = await measured("none");
    const small = await measured("gzip");
    for (const stream of ["jobs", "tasks", "results"] as const) {
      expect(plain.stored[stream], stream).toBeGreaterThan(ITEMS.join("").length);
      expect(small.stored[stream], stream).toBeLessThan(plain.stored[stream] / 20);
    }
    expect(small.text).toBe(plain.text);
    expect(JSON.parse(small.text)).toEqual(ITEMS);
    expect(small.lines).toEqual(plain.lines);
    expect(small.outcome.counts).toMatchObject({ items: 4, tasks: 4, failed: 0 });
    expect(plain.receipt.digests?.inputs).toMatch(/^[0-9a-f]{16}$/);
    expect(small.receipt.digests).toEqual(plain.receipt.digests);
  });
});

describe("compressed jobs and results of others", () => {
  let server: ServerOnDisk;
  let fleet: Fleet;
  let worker: Node;
  let aggregator: Node;

  beforeAll(async () => {
    server = await serverOnDisk();
    fleet = await Fleet.join(server.url);
    await fleet.start("dispatcher");
    worker = (await fleet.start("worker")).node;
    aggregator = (await fleet.start("aggregator")).node;
  });
  afterAll(async () => {
    await fleet.stop();
    await server.remove();
  });

  const headers = { "Content-Encoding": "gzip" };
  const publish = async (id: string, data: Uint8Array, more: Record<string, string> = {}) => {
    const message = {
      subject: "muster.jobs.double",
      data,
      headers: { ...headers, ...more, "Muster-Job": id },
    };
    await fleet.client.broker.store(message);
    return await fleet.result(id);
  };

  it.skipIf(path === undefined)("run with the nats command line, published or asked for", async () => {
    const run = async (verb: string, subject: string, header: string, ...more: string[]) => {
      const args = [verb, subject, ...more, "-H", "Content-Encoding:gzip", "-H", header];
      return await natsCli(path ?? "", server.url, args, gzipSync("[1,2,3]"));
    };
    const { stdout } = await run("req", "muster.run.double", "Muster-Reduce:sum", "--raw");
    expect(stdout.trim()).toBe("12");
    await run("pub", "muster.jobs.double", "Muster-Job:by-nats", "-J");
    expect((await fleet.result("by-nats")).text).toBe("[2,4,6]");
  });

  it("run over more than 256 tasks, too, and with a key in the body", async () => {
    const items = Array.from({ length: 2_000 }, (_, i) => i);
    const body = JSON.stringify({ items, key: "keyed-gzip", chunk: 2 });
    await fleet.client.broker.store({ subject: "muster.jobs.double", data: gzipSync(body), headers });
    expect(JSON.parse((await fleet.result("keyed-gzip")).text)).toEqual(items.map((n) => 2 * n));
  });

  it.each([
    ["inflates to more than a message", "bomb", gzipSync(`[${"1,".repeat(32 * MIB)}1]`)],
    ["is no gzip", "no-gzip", Buffer.from("[1,2,3]")],
    ["is cut short", "cut", gzipSync(JSON.stringify(ITEMS)).subarray(0, 300)],
  ])("fail with a typed error where the body %s, and nothing else does", async (_, id, data) => {
    const { outcome } = await publish(id, data);
    expect(outcome).toMatchObject({
      state: "failed",
      error: { code: "invalid_body", path: "Content-Encoding" },
    });
    const reply = await fleet.client.broker.request(
      { subject: "muster.run.double", data, headers },
      { timeoutMs: 5_000 },
    );
    expect(reply.headers[HEADER.serviceErrorCode]).toBe("400");
    expect((await publish(`${id}-next`, gzipSync("[4]"))).text).toBe("[8]");
  });

  it("tell of a task and of a result that cannot be inflated, and go on", async () => {
    const told: string[] = [];
    for (const { events } of [worker, aggregator])
      events.on("message.invalid", ({ subject, code }) => told.push(`${code} ${subject.split(".")[1]}`));
    const bomb = gzipSync(Buffer.alloc(64 * MIB));
    await fleet.client.broker.store({ subject: "muster.tasks.double.normal.evil", data: bomb, headers });
    for (let partition = 0; partition < 8; partition++)
      await fleet.client.broker.store({ subject: `muster.results.${partition}.evil`, data: bomb, headers });
    expect((await fleet.run("double", "[1,2]", { chunk: 1 })).text).toBe("[2,4]");
    await expect.poll(() => told.filter((text) => text === "invalid_body results")).toHaveLength(8);
    await expect.poll(() => told).toContain("invalid_body tasks");
    const left = () => fleet.client.broker.last("MUSTER_TASKS", "muster.tasks.double.normal.evil");
    await expect.poll(left).toBe(undefined);
  });

  it("are no reason for a fleet to compress: that is a setting, which its actors agree on", async () => {
    await expect(Fleet.join(server.url, { compression: "gzip" })).rejects.toThrow(
      'Setting "compression" is none for this fleet, and gzip was asked for',
    );
    const run = await cli(["worker", "--compression", "zip"], { env: {} });
    expect(run).toMatchObject({ code: 2 });
    expect(run.stderr).toContain("Allowed choices are none, gzip");
  });
});
