/** Jobs whose items a splitter makes, on a real nats-server. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Node } from "../../src/bootstrap/node.ts";
import { connect, fromSplitter, InvalidBody } from "../../src/index.ts";
import { Actors } from "../support/actor-process.ts";
import { cli } from "../support/cli.ts";
import { sizes } from "../support/fixtures/tasks/chunks.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

const CHUNKS = fileURLToPath(new URL("../support/fixtures/tasks/chunks.ts", import.meta.url));
const HANDLERS = `
export async function* split({ from = 0, to, dieAt, pause = 0 }, { attempt, log }) {
  for (let n = from; n < to; n++) {
    if (n === dieAt && attempt === 1) throw new Error("lost at " + n);
    yield n;
  }
  log.info("all yielded");
  if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
}
export const same = (n) => n;
const withSplit = (split) => Object.assign((n) => n, { split });
export const hopeless = withSplit(function* () { throw new Error("no such table"); });
export const endless = withSplit(Object.assign(function* () { for (;;) yield 1; }, { maxItems: 5_000 }));
export const spinning = withSplit(Object.assign(function* () { for (;;); }, { timeout: 300 }));
export const waiting = withSplit(Object.assign(async function* () { await new Promise(() => {}); }, { timeout: 300 }));
export const odd = withSplit(function* () { yield { text: "two\\nlines" }; yield undefined; yield [1n]; });
export const wrong = withSplit(function* () { yield Number.NaN; });
`;

let server: ServerOnDisk;
let fleet: Fleet;
/** Tells of the jobs that the dispatcher takes. */
let dispatcher: Node;
let folder: string;
let handlers: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-splitters-"));
  handlers = join(folder, "handlers.mjs");
  await writeFile(handlers, HANDLERS);
  await mkdir(join(folder, "tmp"));
  process.env.TMPDIR = join(folder, "tmp");
  server = await serverOnDisk();
  fleet = await Fleet.join(server.url, { lease: "1s" });
  dispatcher = (await fleet.start("dispatcher")).node;
  await fleet.start("aggregator", { handlers: [handlers] });
  await fleet.start("worker", { slots: 2, handlers: [handlers, CHUNKS] });
});
afterAll(async () => {
  await fleet.stop();
  await server.remove();
  await rm(folder, { recursive: true });
});

const run = (kind: string, body: object) => fleet.run(kind, JSON.stringify(body));

describe("a splitter", () => {
  it("makes the items of a job, in order", async () => {
    const { outcome, text } = await run("same", { split: { from: 5, to: 1_005 } });
    expect(outcome).toMatchObject({ state: "succeeded", counts: { items: 1_000 } });
    expect(JSON.parse(text)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 5));
  });

  it("makes a hundred thousand items, or none", async () => {
    expect((await run("same", { split: { to: 100_000 }, reduce: "sum" })).text).toBe("4999950000");
    expect((await run("same", { split: { to: 0 } })).text).toBe("[]");
  });

  it("begins anew after it threw, and what it had yielded is dropped", async () => {
    expect((await run("same", { split: { to: 5, dieAt: 3 }, backoff: 1 })).text).toBe("[0,1,2,3,4]");
  });

  it("yields whatever can be written as JSON", async () => {
    expect((await run("odd", { split: null })).text).toBe('[{"text":"two\\nlines"},null,[1]]');
  });

  it.each([
    ["throws", "hopeless", "no such table"],
    ["yields without end", "endless", "more than 5000 items"],
    ["never gives way", "spinning", "did not settle within 300 ms"],
    ["never yields", "waiting", "did not settle within 300 ms"],
    ["yields what is no JSON", "wrong", "it is NaN"],
    ["is not there", "double", 'exports no "split"'],
  ])("that %s fails the job, and says so", async (_, kind, said) => {
    const { outcome } = await run(kind, { split: 1, maxAttempts: 2, backoff: 1 });
    expect(outcome).toMatchObject({ state: "failed", error: { code: "splitter_failed", path: "split" } });
    expect(outcome.error?.message).toContain(said);
  });

  it("leaves nothing behind on its worker's disk", async () => {
    const left = async () => (await readdir(join(folder, "tmp"))).filter((name) => name.includes("split"));
    // The outcome stands a moment before the worker has tidied up.
    await expect.poll(left).toEqual([]);
  });

  it("is cancelled with its job", async () => {
    const taken = dispatcher.events.once("job.accepted", ({ job }) => job === "given-up");
    const body = '{"split":{"to":3,"pause":60000}}';
    const job = await fleet.client.submit({ kind: "same", body, options: { key: "given-up" } });
    await taken;
    await fleet.client.cancel(job);
    const splitting = await fleet.client.outcome("given-up-split", { timeoutMs: 10_000 });
    expect(splitting.state).toBe("cancelled");
  });

  it("is asked for on the command line", async () => {
    const args = ["map", "same", '{"to":4}', "--split", "--reduce", "count"];
    expect(await cli(args, { env: { NATS_URL: server.url } })).toMatchObject({ code: 0, stdout: "4\n" });
    const wrong = await cli(["map", "same", "1} ,{", "--split"], { env: { NATS_URL: server.url } });
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("a splitter that yields chunks", () => {
  const given = (counts: readonly number[]) => {
    const calls = counts.map((count) => [count, ...Array(count - 1).fill(0)]);
    return JSON.stringify(calls.flat());
  };

  it("makes tasks of exactly these items, whatever the job says of chunks", async () => {
    const counts = [3, 1, 2_000, 5, 2];
    for (const chunk of [undefined, 1, 4] as const) {
      const { outcome, text } = await run("sizes", { split: counts, ...(chunk && { chunk }) });
      expect(text).toBe(given(counts));
      expect(outcome.counts.tasks).toBe(counts.length);
    }
  });

  it("may yield items between them, which are never of a chunk", async () => {
    const { text, outcome } = await run("sizes", { split: [2, -3, 4, -2], chunk: 100 });
    expect(text).toBe(given([2, 3, 4, 2]));
    expect(outcome.counts.tasks).toBe(4);
  });

  it("makes a task larger than muster would by itself, as long as it fits into a message", async () => {
    const { text, outcome } = await run("large", { split: 15 });
    expect(text).toBe(given([15]));
    expect(outcome.counts.tasks).toBe(1);
  });

  it.each([
    ["has no items", "empty", "has no items"],
    ["has no end", "endless-chunk", "more than 1000000 items"],
    ["is larger than a message", "large", "larger than a message"],
  ])("fails its job at once where a chunk %s", async (_, kind, said) => {
    const { outcome } = await run(kind, { split: 17, maxAttempts: 5, backoff: 60_000 });
    expect(outcome).toMatchObject({ state: "failed", error: { code: "invalid_chunk", path: "split" } });
    expect(outcome.error?.message).toContain(said);
  });

  it("is called from a program by its value", async () => {
    await using muster = await connect({ server: server.url });
    expect(await muster.map(sizes, fromSplitter([2, -1, 3]), { chunk: 5 })).toEqual([2, 0, 1, 3, 0, 0]);
    const id = await muster.submit(sizes, fromSplitter([]));
    expect(await muster.job(id, sizes)).toEqual([]);
    const circle: unknown[] = [];
    circle.push(circle);
    await expect(muster.map("sizes", fromSplitter(circle))).rejects.toThrow(InvalidBody);
  });

  it("counts the items of chunks against its maxItems", async () => {
    const { outcome } = await run("too-many", { split: null });
    expect(outcome.error).toMatchObject({ code: "splitter_failed" });
    expect(outcome.error?.message).toContain("more than 2 items");
  });
});

describe("a splitter whose worker and dispatcher are killed", () => {
  it("runs again elsewhere, and each item counts once", async () => {
    const onDisk = await serverOnDisk();
    const actors = new Actors(onDisk.url);
    const other = await Fleet.join(onDisk.url, { lease: "1s" });
    try {
      await actors.start("aggregator");
      const dispatcher = await actors.start("dispatcher");
      const doomed = await actors.start("worker", "--handlers", handlers, "--slots", "1");
      const body = JSON.stringify({ split: { to: 30_000, pause: 1_500 }, reduce: "sum" });
      const job = await other.client.submit({ kind: "same", body });
      await doomed.until((line) => JSON.stringify(line).includes("all yielded"));
      const splits = async () =>
        (await readdir(join(folder, "tmp"))).filter((name) => name.includes("split"));
      const abandoned = await splits();
      await doomed.end("SIGKILL");
      expect(abandoned).toHaveLength(1);
      await actors.start("worker", "--handlers", handlers, "--slots", "1");
      expect(await splits()).not.toContain(abandoned[0]);
      await dispatcher.end("SIGKILL");
      await actors.start("dispatcher");
      const { outcome, text } = await other.result(job);
      expect(outcome.state).toBe("succeeded");
      expect(text).toBe("449985000");
    } finally {
      await other.stop();
      await actors.stop();
      await onDisk.remove();
    }
  });
});
