/** Jobs over files whose actors are killed in their midst, with real processes and real signals. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestText, ItemDigest } from "../../src/domain/item-digest.ts";
import { Actors } from "../support/actor-process.ts";
import { Captured, cli } from "../support/cli.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";
import { streamPlan } from "../support/stream-plan.ts";

const HANDLERS = fileURLToPath(new URL("../support/fixtures/handlers/steady.mjs", import.meta.url));
const worker = ["--handlers", HANDLERS, "--slots", "1"];
const LINES = 200_000;
const PUBLISHED = 30_000;

const OUTPUTS = streamPlan("outputs", { subjects: ["outputs"], duplicateWindowMs: 600_000 });

/** The digest of the lines that are numbers, computed here and in one go. */
function digestOf(lines: readonly string[]): string {
  const digest = new ItemDigest();
  for (const [index, line] of lines.entries()) if (line !== "bad") digest.add(index, Number(line));
  return digestText(digest.value);
}

describe("a job over a file whose worker, dispatcher and aggregator are killed one after the other", () => {
  let server: ServerOnDisk;
  let actors: Actors;
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "muster-input-faults-"));
    server = await serverOnDisk();
    await (await Fleet.join(server.url, { lease: "1s" })).stop();
    actors = new Actors(server.url);
  });
  afterEach(async () => {
    await actors.stop();
    await server.remove();
    await rm(folder, { recursive: true });
  });

  it("streams every output once and in order, as if nothing had happened", async () => {
    const lines = Array.from({ length: LINES }, (_, i) => (i % 1_000 === 500 ? "bad" : String(i)));
    await writeFile(join(folder, "numbers.ndjson.gz"), gzipSync(lines.join("\n")));
    const dispatcher = await actors.start("dispatcher");
    const aggregator = await actors.start("aggregator");
    const doomed = await actors.start("worker", ...worker);
    await actors.start("worker", ...worker);

    const stdout = new Captured();
    const args = ["map", "steady", "*.gz", "--ndjson", "--on-error", "continue"];
    const world = { cwd: folder, env: { NATS_URL: server.url } };
    const running = cli([...args, "--stream", "--key", "disturbed"], { ...world, stdout });
    await stdout.until(/^20000$/m);
    await doomed.end("SIGKILL");
    await stdout.until(/^40000$/m);
    await dispatcher.end("SIGKILL");
    await actors.start("dispatcher");
    await stdout.until(/^80000$/m);
    await aggregator.end("SIGKILL");
    await actors.start("aggregator");

    expect((await running).code).toBe(0);
    const written = stdout.text.trimEnd().split("\n");
    expect(written).toHaveLength(LINES);
    const wrong = written.findIndex((text, at) => text !== (lines[at] === "bad" ? "null" : lines[at]));
    expect(wrong).toBe(-1);

    const told = await cli(["result", "disturbed", "--receipt", "--json"], world);
    const failed = LINES / 1_000;
    // The handler gives its item back: inputs and outputs are the same.
    const digest = digestOf(lines);
    expect(JSON.parse(told.stdout)).toMatchObject({
      ...{ items: LINES, outputs: LINES - failed, failed },
      digests: { inputs: digest, outputs: digest },
    });
  }, 60_000);

  it("publishes every output once to a subject, as if nothing had happened", async () => {
    const observer = await Fleet.join(server.url);
    try {
      const { broker } = observer.client;
      await broker.ensure({ streams: [OUTPUTS], consumers: [], buckets: [], objectBuckets: [] });
      const dispatcher = await actors.start("dispatcher");
      const aggregator = await actors.start("aggregator");
      const doomed = await actors.start("worker", ...worker);
      await actors.start("worker", ...worker);

      const records = Array.from({ length: PUBLISHED }, (_, i) => String(i));
      const options = { output: "subject:outputs" };
      const job = await observer.client.submitRecords({ kind: "steady", records, options });
      const gathered = (items: number) =>
        new Promise<void>((resolve) => {
          const off = observer.client.onProgress(job, (line) => {
            if (line.items < items && line.state === undefined) return;
            off();
            resolve();
          });
        });
      await gathered(2_000);
      await doomed.end("SIGKILL");
      await gathered(5_000);
      await dispatcher.end("SIGKILL");
      await actors.start("dispatcher");
      await gathered(10_000);
      await aggregator.end("SIGKILL");
      await actors.start("aggregator");

      expect(await observer.result(job)).toMatchObject({
        text: String(PUBLISHED),
        outcome: { state: "succeeded" },
      });
      const { messages, lastSeq } = await broker.streamState("OUTPUTS");
      expect([messages, lastSeq]).toEqual([PUBLISHED, PUBLISHED]);
      const seen = new Set<string>();
      const tail = await broker.tail({
        stream: "OUTPUTS",
        filter: "outputs",
        fromSeq: 1,
        onMessage: ({ data, headers }) => {
          const text = Buffer.from(data).toString("utf8");
          if (headers["Muster-Index"] === text) seen.add(text);
          tail.release(1);
        },
      });
      await expect.poll(() => seen.size, { timeout: 30_000 }).toBe(PUBLISHED);
      await tail.stop();
    } finally {
      await observer.stop();
    }
  }, 60_000);
});
