/** Jobs over files whose actors are killed in their midst, with real processes and real signals. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Actors } from "../support/actor-process.ts";
import { Captured, cli } from "../support/cli.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

const HANDLERS = fileURLToPath(new URL("../support/fixtures/handlers/steady.mjs", import.meta.url));
const worker = ["--handlers", HANDLERS, "--slots", "1"];
const LINES = 200_000;

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
    const args = ["map", "steady", "*.gz", "--ndjson", "--stream", "--on-error", "continue"];
    const running = cli(args, { cwd: folder, stdout, env: { NATS_URL: server.url } });
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
  });
});
