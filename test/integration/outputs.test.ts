/** Outputs that go into objects, subjects and streams of lines, on a real nats-server. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Node } from "../../src/bootstrap/node.ts";
import { InvalidOption } from "../../src/errors.ts";
import { cli } from "../support/cli.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";
import { streamPlan } from "../support/stream-plan.ts";

let server: ServerOnDisk;
let url: string;
let fleet: Fleet;
let folder: string;
/** Tells of what the worker waits for. */
let worker: Node;

const DENIED = `authorization {
  users = [{ user: "m", password: "m", permissions: { publish: { deny: ["scores.denied"] } } }]
}`;

const SCORES = streamPlan("scores");
const TINY = streamPlan("tiny", { subjects: ["tiny"], maxBytes: 1_000 });
const REPORTS = { name: "REPORTS", storage: "file", replicas: 1, ttlMs: 0, maxBytes: 1024 * 1024 } as const;

const HANDLERS = `
export const reverse = (bytes) => bytes.slice().reverse();
export const upTo = async (n) => {
  if (n < 0) throw new Error("no");
  if (n === 9) await new Promise((resolve) => setTimeout(resolve, 3000));
  return Array.from({ length: n }, (_, i) => [n, i]);
};
export const reverseAll = Object.assign((all) => all.map(reverse), { batch: true });
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-outputs-"));
  await writeFile(join(folder, "handlers.mjs"), HANDLERS);
  server = await serverOnDisk(DENIED);
  url = server.url.replace("//", "//m:m@");
  fleet = await Fleet.join(url);
  await fleet.client.broker.ensure({
    streams: [SCORES, TINY],
    consumers: [],
    buckets: [],
    objectBuckets: [REPORTS],
  });
  await fleet.start("dispatcher");
  await fleet.start("aggregator");
  worker = (await fleet.start("worker", { slots: 2, handlers: [join(folder, "handlers.mjs")] })).node;
});
afterAll(async () => {
  await fleet.stop();
  await server.remove();
  await rm(folder, { recursive: true });
});

const run = (kind: string, body: object) => fleet.run(kind, JSON.stringify(body));
const muster = (...args: string[]) => cli(args, { env: { NATS_URL: url } });

async function objectText(name: string): Promise<string | undefined> {
  const object = await (await fleet.client.broker.objects("REPORTS")).get(name);
  if (object === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for await (const part of object) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

async function published(subject: string): Promise<Map<number, string>> {
  const { broker } = fleet.client;
  const { lastSeq } = await broker.streamState("SCORES");
  const found = new Map<number, string>();
  for (let seq = 1; seq <= lastSeq; seq++) {
    const message = await broker.at("SCORES", seq);
    if (message?.subject !== subject) continue;
    const index = Number(message.headers["Muster-Index"]);
    expect(found.has(index)).toBe(false);
    found.set(index, Buffer.from(message.data).toString("utf8"));
  }
  return found;
}

describe("a result that goes into an object", () => {
  it.each([
    ["of a single task", 3, {}],
    ["of a reducer", 1_000, { reduce: "sum", chunk: 10 }],
    ["of many tasks", 1_000, { chunk: 10 }],
    ["without items", 0, {}],
  ])("%s is there when the outcome is", async (name, to, more) => {
    const { outcome, text } = await run("double", {
      range: { to },
      output: { object: `REPORTS/${name}` },
      ...more,
    });
    expect(outcome).toMatchObject({ state: "succeeded", object: `REPORTS/${name}` });
    expect(JSON.parse(outcome.body)).toEqual({ object: `REPORTS/${name}`, bytes: text.length });
    expect(await objectText(name)).toBe(text);
    const doubles = Array.from({ length: to }, (_, i) => 2 * i);
    expect(JSON.parse(text)).toEqual("reduce" in more ? doubles.reduce((a, b) => a + b) : doubles);
  });

  it("is not written where the job fails", async () => {
    const { outcome } = await run("fail", {
      items: [{ permanent: true }],
      output: { object: "REPORTS/none" },
    });
    expect(outcome).toMatchObject({ state: "failed", error: { code: "handler_failed" } });
    expect(await objectText("none")).toBeUndefined();
  });

  it("that the bucket has no room for fails the job, and holds up no other", async () => {
    const items = Array.from({ length: 20 }, () => "x".repeat(100_000));
    const { outcome } = await run("echo", { items, output: "object:REPORTS/large" }).catch(async () => {
      const job = await fleet.client.submitRecords({
        kind: "echo",
        records: items.map((item) => JSON.stringify(item)),
        options: { output: "object:REPORTS/large" },
      });
      return await fleet.result(job);
    });
    expect(outcome).toMatchObject({ state: "failed", error: { code: "output_refused", path: "output" } });
    expect((await run("double", { range: { to: 100 }, chunk: 5, reduce: "sum" })).text).toBe("9900");
  });
});

describe("outputs that go to a subject", () => {
  it.each([1, 7, "auto"])(
    "come one message an item, with chunks of %s; the result is their number",
    async (chunk) => {
      const subject = `scores.chunk-${chunk}`;
      const { outcome, text } = await run("double", { range: { to: 100 }, chunk, output: { subject } });
      expect(outcome.state).toBe("succeeded");
      expect(text).toBe("100");
      const found = await published(subject);
      expect([...found].sort(([a], [b]) => a - b)).toEqual(
        Array.from({ length: 100 }, (_, i) => [i, String(2 * i)]),
      );
    },
  );

  it("leave out items that failed", async () => {
    const items = [{ times: 0 }, { permanent: true }, { times: 1 }];
    const output = { subject: "scores.some" };
    const { outcome, text } = await run("fail", { items, output, onError: "continue", backoff: 1 });
    expect(outcome).toMatchObject({ state: "succeeded", counts: { items: 3, failed: 1 } });
    expect(text).toBe("2");
    expect([...(await published("scores.some")).keys()].sort()).toEqual([0, 2]);
  });

  it("are asked for on the command line, and counted", async () => {
    const args = ["map", "double", "--range", "0:10", "--output", "subject:scores.cli"];
    expect(await muster(...args)).toEqual({ code: 0, stdout: "10\n", stderr: "" });
    expect((await published("scores.cli")).size).toBe(10);
  });
});

describe("outputs that have no place to go", () => {
  it.each<[string, object, string, string]>([
    ["a bucket that is not there", { output: "object:NONE/x" }, "output_refused", "no such object bucket"],
    ["a subject without a stream", { output: "subject:nowhere" }, "output_refused", "no stream captures it"],
    ["a subject of muster's own", { output: "subject:muster.jobs.x" }, "invalid_option", "muster's own"],
    ["a subject with wildcards", { output: "subject:scores.*" }, "invalid_option", "without wildcards"],
    ["neither", { output: "file:x" }, "invalid_option", "object:BUCKET/NAME"],
    [
      "a reduced subject",
      { output: "subject:scores.x", reduce: "sum" },
      "invalid_option",
      "counted, not reduced",
    ],
    [
      "a subject that may not be published to",
      { output: "subject:scores.denied" },
      "output_refused",
      "refused",
    ],
  ])("as %s, fail the job and say so", async (_, options, code, said) => {
    const body = JSON.stringify({ range: { to: 300 }, chunk: 1, ...options });
    const job = await fleet.client.submit({ kind: "double", body });
    const { outcome } = await fleet.result(job);
    expect(outcome).toMatchObject({ state: "failed", error: { code } });
    expect(outcome.error?.message).toContain(said);
  });

  it("wait while the stream has no room", async () => {
    const key = "no-room";
    const body = JSON.stringify({ items: ["x".repeat(2_000)], output: "subject:tiny" });
    const job = await fleet.client.submit({ kind: "echo", body, options: { key } });
    await worker.events.once("broker.trouble", ({ what }) => what === "tiny");
    await fleet.client.broker.ensure({
      streams: [{ ...TINY, maxBytes: 100_000 }],
      consumers: [],
      buckets: [],
      objectBuckets: [],
    });
    expect((await fleet.result(job)).text).toBe("1");
  });
});

describe("bytes", () => {
  const BYTES = new Uint8Array([0, 255, 10, 13, 0xc3, 0x28, 34]);
  const binary = { "Content-Type": "application/octet-stream" };

  it.each(["reverse", "reverseAll"])(
    "reach the handler %s as they are, and come back as they are",
    async (kind) => {
      const subject = `muster.run.${kind}`;
      const reply = await fleet.client.broker.request(
        { subject, data: BYTES, headers: { ...binary, "Muster-Timeout": "5s" } },
        { timeoutMs: 10_000 },
      );
      expect(reply.headers).toMatchObject({ ...binary, "Muster-State": "succeeded" });
      expect([...reply.data]).toEqual([...BYTES].reverse());
    },
  );

  it("stand in JSON as base64, and are bytes on a subject", async () => {
    const base64 = Buffer.from(BYTES).toString("base64");
    const items = [{ $bytes: base64 }, { $bytes: "" }];
    const back = Buffer.from(BYTES).reverse().toString("base64");
    expect(JSON.parse((await run("reverse", { items })).text)).toEqual([{ $bytes: back }, { $bytes: "" }]);
    await run("reverse", { items, output: "subject:scores.bytes" });
    const { broker } = fleet.client;
    const message = await broker.last("SCORES", "scores.bytes");
    expect(message?.headers["Content-Type"]).toBe("application/octet-stream");
    expect((await published("scores.bytes")).size).toBe(2);
  });

  it("come with a key, a deadline or to the jobs stream as well", async () => {
    const { broker } = fleet.client;
    const headers = { ...binary, "Muster-Key": "keyed-bytes" };
    const reply = await broker.request(
      { subject: "muster.run.reverse", data: BYTES, headers },
      { timeoutMs: 10_000 },
    );
    expect([...reply.data]).toEqual([...BYTES].reverse());
    await broker.store({
      subject: "muster.jobs.reverse",
      data: BYTES,
      headers: { ...binary, "Muster-Job": "stored" },
    });
    const { text } = await fleet.result("stored");
    expect(JSON.parse(text)).toEqual([{ $bytes: Buffer.from(BYTES).reverse().toString("base64") }]);
  });
});

describe("outputs as lines", () => {
  it("come of a job that is over, and of one that was submitted elsewhere", async () => {
    const lines = Array.from({ length: 500 }, (_, i) => `${2 * i}\n`).join("");
    const job = await fleet.client.submit({ kind: "double", body: '{"range":{"to":500},"chunk":3}' });
    expect(await muster("result", job, "--stream")).toEqual({ code: 0, stdout: lines, stderr: "" });
    await fleet.client.outcome(job);
    expect(await muster("result", job, "--stream")).toEqual({ code: 0, stdout: lines, stderr: "" });
  });

  it("are the elements of a concatenation, in item order, while the job still runs", async () => {
    const items = [...Array.from({ length: 400 }, (_, i) => (i * 7) % 5), 9];
    const elements = items.flatMap((n) => Array.from({ length: n }, (_, i) => [n, i]));
    const body = JSON.stringify({ items, reduce: "concat", chunk: 3 });
    const job = await fleet.client.submit({ kind: "upTo", body });
    const seen: string[] = [];
    let early = 0;
    for await (const texts of fleet.client.outputs(job)) {
      seen.push(...texts);
      if ((await fleet.client.peek(job)) === undefined) early = seen.length;
    }
    expect(seen.map((text) => JSON.parse(text))).toEqual(elements);
    expect(early).toBeGreaterThan(100);
    expect(JSON.parse((await fleet.result(job)).text)).toEqual(elements);
    const lines = elements.map((element) => `${JSON.stringify(element)}\n`).join("");
    expect(await muster("result", job, "--stream")).toEqual({ code: 0, stdout: lines, stderr: "" });
  });

  it("leave out what failed of a concatenation, and may be none at all", async () => {
    const args = ["--stream", "--reduce", "concat", "--on-error", "continue", "--max-attempts", "1"];
    const run = await muster("map", "upTo", "[2,-1,0,1]", "--chunk", "1", ...args);
    expect(run.stdout).toBe("[2,0]\n[2,1]\n[1,0]\n");
    expect((await muster("map", "upTo", "[0,0]", "--chunk", "1", ...args)).stdout).toBe("");
  });

  it("are refused of strings that concat joins, and of concat out of order", async () => {
    const run = await muster(
      "map",
      "echo",
      '["a","b","c"]',
      "--reduce",
      "concat",
      "--stream",
      "--chunk",
      "1",
    );
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain("invalid_option");
    const body = '{"items":[1,2,9],"reduce":"concat","chunk":1}';
    const job = await fleet.client.submit({ kind: "upTo", body });
    const read = async () => {
      for await (const _ of fleet.client.outputs(job, { ordered: false }));
    };
    await expect(read()).rejects.toThrow(InvalidOption);
  });

  it.each(["sum", "count", "min", "mean", "merge-counts", "top-k:3", "histogram"])(
    "are refused with %s before anything is sent",
    async (reduce) => {
      const run = await muster("map", "double", "[1,2]", "--reduce", reduce, "--stream");
      expect(run).toMatchObject({ code: 2, stdout: "" });
      expect(run.stderr).toContain("[invalid_option]");
    },
  );

  it("are refused where outputs are reduced, whether the job runs or is over", async () => {
    const job = await fleet.client.submit({
      kind: "double",
      body: '{"range":{"to":500},"chunk":3,"reduce":"sum"}',
    });
    for (let asked = 0; asked < 2; asked++) {
      const run = await muster("result", job, "--stream");
      expect(run).toMatchObject({ code: 2, stdout: "" });
      expect(run.stderr).toContain("invalid_option");
      await fleet.client.outcome(job);
    }
    expect(await muster("result", "no-such-job", "--stream")).toMatchObject({ code: 2 });
    expect(await muster("result", job, "--stream", "--json")).toMatchObject({ code: 2, stdout: "" });
  });
});
