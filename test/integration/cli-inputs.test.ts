/** `muster map` over files and standard input, and what it writes, on a real nats-server. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Captured, type CliWorld, cli } from "../support/cli.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

let server: ServerOnDisk;
let fleet: Fleet;
let folder: string;

beforeAll(async () => {
  server = await serverOnDisk();
  fleet = await Fleet.join(server.url);
  await fleet.startAll();
});
afterAll(async () => {
  await fleet.stop();
  await server.remove();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-inputs-"));
  return () => rm(folder, { recursive: true });
});

function muster(args: readonly string[], world: CliWorld = {}) {
  return cli(args, { cwd: folder, ...world, env: { NATS_URL: server.url } });
}

async function files(contents: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(contents)) {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

async function objects(): Promise<number> {
  return (await fleet.client.broker.streamState("OBJ_MUSTER_INPUTS")).messages;
}

async function jobs(): Promise<number> {
  return (await fleet.client.broker.streamState("MUSTER_JOBS")).lastSeq;
}

describe("muster map over files", () => {
  it("takes the lines of all files that a pattern finds, gzip among them, in the order of their names", async () => {
    await files({
      "logs/b.txt": "b1\nb2",
      "logs/a.txt.gz": gzipSync("ä1\r\n"),
      "logs/c.log": "no",
      "logs/.d.txt": "no",
    });
    const run = await muster(["map", "echo", "logs/*.txt*", "--lines"]);
    expect(run).toEqual({ code: 0, stdout: '["ä1","b1","b2"]\n', stderr: "" });
  });

  it("takes folders however deep, several patterns, and a name that looks like one", async () => {
    await files({ "x/1.ndjson": "1\n", "x/y/z/2.ndjson": "2\n", "a*b.ndjson": "3\n", "ab.ndjson": "4\n" });
    const run = await muster([
      "map",
      "double",
      "x/**/*.ndjson",
      "a*b.ndjson",
      "--ndjson",
      "--reduce",
      "collect",
    ]);
    expect(run.stdout).toBe("[2,4,6]\n");
  });

  it("takes the rows of each CSV by its own header, or as arrays without one", async () => {
    await files({ "1.csv": 'a,b\n1,"x\ny"\n', "2.csv": "b,c\n2,3\n" });
    expect((await muster(["map", "echo", "?.csv", "--csv"])).stdout).toBe(
      '[{"a":"1","b":"x\\ny"},{"b":"2","c":"3"}]\n',
    );
    expect((await muster(["map", "echo", "2.csv", "--csv", "--no-header"])).stdout).toBe(
      '[["b","c"],["2","3"]]\n',
    );
  });

  it("takes the elements of a JSON array from standard input, beside files", async () => {
    await files({ "a.json": "[1,\n 2]" });
    const run = await muster(["map", "double", "a.json", "-", "--json-array"], { stdin: "[3]" });
    expect(run.stdout).toBe("[2,4,6]\n");
  });

  it("fails the job with the file and line of a record that cannot be read", async () => {
    await files({ "a.ndjson": "1\n", "b.ndjson": "2\n\nthree\n" });
    const run = await muster(["map", "double", "*.ndjson", "--ndjson"]);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/Item 2 failed \(never run\): b\.ndjson, line 3: it is not valid JSON/);
  });

  it("leaves it out with --on-error continue, and tells", async () => {
    await files({ "a.csv": "a,b\n1,2\n1,2,3\n3,4\n" });
    const run = await muster(["map", "echo", "a.csv", "--csv", "--on-error", "continue"]);
    expect(run).toEqual({
      code: 0,
      stdout: '[{"a":"1","b":"2"},null,{"a":"3","b":"4"}]\n',
      stderr: expect.stringContaining(
        "item 1: a.csv, line 3: it has 3 fields, and the header 2. [invalid_record, never run]",
      ),
    });
  });

  it("ships many records without holding them, whatever their bytes, and keeps their order", async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => `${i} ${"é😀".repeat(i % 20)}`);
    await files({ "big.txt": lines.join("\n") });
    const run = await muster(["map", "echo", "big.txt", "--lines"]);
    expect(JSON.parse(run.stdout)).toEqual(lines);
  });

  describe("submits nothing, and says why,", () => {
    it.each([
      [
        "with --on-bad-record fail-job",
        ["bad.ndjson", "--ndjson", "--on-bad-record", "fail-job"],
        "bad.ndjson, line 2: it is not valid JSON",
      ],
      [
        "where a file is not there",
        ["good.ndjson", "none.ndjson", "--ndjson"],
        'The file "none.ndjson" cannot be read: ENOENT',
      ],
      ["where a pattern finds nothing", ["*.none", "--ndjson"], 'No file matches "*.none"'],
      ["where a folder is named", ["sub", "--lines"], '"sub" is a folder'],
      ["where no file is named", ["--csv"], "No files are named"],
      ["with two formats", ["good.ndjson", "--csv", "--lines"], "give one of them"],
      ["with two files and no format", ["good.ndjson", "bad.ndjson"], "say what they hold"],
      ["with a header that cannot be used", ["twice.csv", "--csv"], 'has "a" twice'],
    ])("%s", async (_, args, message) => {
      await files({ "good.ndjson": "1\n", "bad.ndjson": "1\nx\n", "sub/x": "", "twice.csv": "a,a\n1,2\n" });
      const before = [await jobs(), await objects()];
      const run = await muster(["map", "double", ...args]);
      expect(run).toEqual({ code: 2, stdout: "", stderr: expect.stringContaining(message) });
      expect([await jobs(), await objects()]).toEqual(before);
    });
  });

  it("can be handed in by muster submit, too", async () => {
    await files({ "a.txt": "x\ny\n" });
    const { stdout } = await muster(["submit", "echo", "a.txt", "--lines"]);
    expect((await muster(["result", stdout.trim(), "--wait"])).stdout).toBe('["x","y"]\n');
  });

  it("submits nothing when it is interrupted while it waits for more", async () => {
    const before = await jobs();
    const listening = new Promise<void>((resolve) => {
      process.on("newListener", function look(signal) {
        if (signal !== "SIGINT") return;
        process.off("newListener", look);
        resolve();
      });
    });
    const waiting = muster(["map", "echo", "-", "--lines"], { stdin: "first\n", keepStdin: true });
    await listening;
    setImmediate(() => process.emit("SIGINT"));
    const { code, stderr } = await waiting;
    expect(stderr).toContain("nothing was submitted");
    expect(code).toBe(130);
    expect(await jobs()).toBe(before);
  });

  it("tells of the upload on a terminal", async () => {
    await files({ "a.txt": "x\n".repeat(1_000) });
    const stderr = new Captured({ isTTY: true });
    await muster(["map", "echo", "a.txt", "--lines", "--reduce", "count"], { stderr });
    expect(stderr.text).toMatch(/shipping \d/);
  });
});

describe("muster map --out", () => {
  it("writes the result to a file, and nothing to standard output", async () => {
    const run = await muster(["map", "double", "[1,2]", "--out", "out.json"]);
    expect(run).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await readFile(join(folder, "out.json"), "utf8")).toBe("[2,4]\n");
  });

  it("leaves what stood there when the job fails", async () => {
    await files({ "out.json": "before" });
    const run = await muster(["map", "double", '["x"]', "--out", "out.json"]);
    expect(run.code).toBe(1);
    expect(await readdir(folder)).toEqual(["out.json"]);
    expect(await readFile(join(folder, "out.json"), "utf8")).toBe("before");
  });

  it("submits nothing where the file cannot be written", async () => {
    const before = await jobs();
    const run = await muster(["map", "double", "[1]", "--out", "no/such/folder"]);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('"no/such/folder" cannot be written');
    expect(await jobs()).toBe(before);
  });
});

describe("muster map --stream", () => {
  it("writes each output as a line, in item order, while the job still runs", async () => {
    // The last item ends long after the first ones are seen.
    const items = [...Array.from({ length: 50 }, (_, i) => (i % 5) * 2), 3_000];
    const stdout = new Captured();
    const running = muster(["map", "sleep", JSON.stringify(items), "--stream", "--chunk", "3"], { stdout });
    await stdout.until(/^(\d+\n){40}/);
    expect(stdout.text).not.toContain("3000");
    const run = await running;
    expect(run).toEqual({ code: 0, stdout: items.map((ms) => `${ms}\n`).join(""), stderr: "" });
  });

  it("writes all of a large job's outputs once, with null for items that failed", async () => {
    const items = Array.from({ length: 20_000 }, (_, i) => (i % 997 === 5 ? "x" : i));
    const run = await muster(
      ["map", "double", "-", "--stream", "--on-error", "continue", "--out", "out.ndjson"],
      {
        stdin: JSON.stringify(items),
      },
    );
    expect(run.code).toBe(0);
    expect(run.stdout).toBe("");
    const lines = (await readFile(join(folder, "out.ndjson"), "utf8")).trimEnd().split("\n");
    expect(lines).toEqual(items.map((item) => (typeof item === "number" ? String(item * 2) : "null")));
  });

  it("takes the outputs from the outcome where the job was one task, or none", async () => {
    expect((await muster(["map", "double", "[7]", "--stream"])).stdout).toBe("14\n");
    expect((await muster(["map", "double", "[]", "--stream"])).stdout).toBe("");
  });

  it("ends with the error of a job that fails, behind the outputs before it", async () => {
    const run = await muster(["map", "double", '[1,"x"]', "--stream", "--max-attempts", "1"]);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain("Item 1 failed");
  });

  it("is refused with a reducer or --json", async () => {
    expect((await muster(["map", "double", "[1]", "--stream", "--reduce", "sum"])).code).toBe(2);
    expect((await muster(["map", "double", "[1]", "--stream", "--json"])).code).toBe(2);
  });
});

describe("bytes on the command line", () => {
  /** What no text survives: every byte, and gzip's first two, so that nothing is inflated by the way. */
  const photo = Buffer.concat([
    Buffer.from([0x1f, 0x8b]),
    Buffer.from(Array.from({ length: 256 }, (_, n) => n)),
  ]);

  it("are one item with run, and come back as they were", async () => {
    await files({ "photo.png": photo });
    const run = await muster(["run", "echo", "--bytes", "photo.png", "--out", "back.png"]);
    expect(run).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await readFile(join(folder, "back.png"))).toEqual(photo);
    const piped = await muster(["run", "echo", "--bytes", "-"], { stdin: "no JSON: ä" });
    expect(piped).toEqual({ code: 0, stdout: "no JSON: ä", stderr: "" });
  });

  it("are an item a file with map, in the order of the files", async () => {
    await files({ "p/1.bin": photo, "p/2.bin": "", "p/3.bin": "x" });
    const asJson = await muster(["map", "echo", "--bytes", "p/*.bin"]);
    expect(asJson).toMatchObject({ code: 0, stderr: "" });
    const base64 = (bytes: Uint8Array) => ({ $bytes: Buffer.from(bytes).toString("base64") });
    expect(JSON.parse(asJson.stdout)).toEqual([photo, Buffer.alloc(0), Buffer.from("x")].map(base64));
    for (const more of [[], ["--stream"]]) {
      await muster(["map", "echo", "--bytes", "p/*.bin", "--raw", "--out", "all", ...more]);
      expect(await readFile(join(folder, "all"))).toEqual(Buffer.concat([photo, Buffer.from("x")]));
    }
  });

  it("come of a job that is over, too", async () => {
    await files({ "photo.png": photo });
    const { stdout: job } = await muster(["submit", "echo", "--bytes", "photo.png"]);
    const read = ["result", job.trim(), "--wait", "--raw", "--out", "back.png"];
    expect(await muster(read)).toMatchObject({ code: 0, stdout: "" });
    expect(await readFile(join(folder, "back.png"))).toEqual(photo);
    // Only a result that is there replaces what stood there.
    expect(await muster(["result", "nothing-known", "--out", "back.png"])).toMatchObject({ code: 2 });
    expect(await readFile(join(folder, "back.png"))).toEqual(photo);
    expect(await readdir(folder)).toEqual(["back.png", "photo.png"]);
  });

  it("are refused before anything is sent where they do not fit into a message, or are not one", async () => {
    await files({ "large.bin": Buffer.alloc(800_000), "a.bin": "a", "b.bin": "b" });
    const before = await jobs();
    const large = await muster(["map", "echo", "--bytes", "large.bin"]);
    expect(large).toMatchObject({ code: 2, stdout: "" });
    expect(large.stderr).toMatch(/"large\.bin".*800000 bytes/);
    expect((await muster(["run", "echo", "--bytes", "large.bin"])).code).toBe(2);
    expect((await muster(["run", "echo", "--bytes", "?.bin"])).stderr).toContain("2 files");
    expect((await muster(["run", "echo", "--bytes"])).code).toBe(2);
    expect((await muster(["map", "echo", "--bytes", "--lines", "a.bin"])).stderr).toContain(
      "give one of them",
    );
    expect((await muster(["map", "echo", "[1]", "--raw", "--json"])).stderr).toContain("--raw");
    expect(await jobs()).toBe(before);
  });

  it("run takes JSON, too, and prints the output alone", async () => {
    expect(await muster(["run", "double", "21"])).toEqual({ code: 0, stdout: "42\n", stderr: "" });
    expect(await muster(["run", "echo", "[1,2]"])).toEqual({ code: 0, stdout: "[1,2]\n", stderr: "" });
    expect(await muster(["run", "echo", "-"], { stdin: '"a"' })).toMatchObject({ stdout: '"a"\n' });
    expect(await muster(["run", "double", '"a"'])).toMatchObject({ code: 1, stdout: "" });
    expect(await muster(["run", "echo", "1},{"])).toMatchObject({ code: 2, stdout: "" });
    expect(JSON.parse((await muster(["run", "double", "1", "--json"])).stdout)).toMatchObject({
      result: [2],
    });
  });
});
