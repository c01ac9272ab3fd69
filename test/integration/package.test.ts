/** The package as its users get it: packed, installed from the tarball into a folder of its own, and used there. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { locateServer } from "../../src/bootstrap/server/locate.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Installing may wait for a busy machine. */
const PATIENCE_MS = 120_000;

let folder: string;
let tarball: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-package-"));
  const { path } = await locateServer({ env: process.env, allowInstall: true });
  env = { ...process.env, MUSTER_NATS_SERVER: path, NODE_ENV: undefined, VITEST: undefined };
  const [{ filename }] = JSON.parse(await run(ROOT, "npm", ["pack", "--json", "--pack-destination", folder]));
  tarball = join(folder, filename);
}, PATIENCE_MS);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Runs a command; gives what it wrote to standard output. */
async function run(cwd: string, command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd, env });
  return stdout;
}

const install = (cwd: string) => run(cwd, "npm", ["install", "--prefer-offline", "--no-audit", tarball]);

const PROGRAM = `
import assert from "node:assert/strict";
import { range, task } from "muster";
import { startMuster } from "muster/testing";

const half = task("half", { run: (n) => n / 2, reduce: "sum" });
const muster = await startMuster({ tasks: [half] });
assert.equal(await muster.map(half, range(10)), 22.5);
await muster.close();
`;

/** What a thread of a worker does with a module of tasks. */
const TASKS_ALONE = `
import { createRequire } from "node:module";
import { task } from "muster";

task("half", { run: (n) => n / 2 });
console.log(Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes("@nats-io")).length);
`;

describe("the package", () => {
  it(
    "works in an empty project: its command, and a job on a server that it starts",
    async () => {
      const project = join(folder, "empty");
      await mkdir(project);
      await writeFile(join(project, "package.json"), '{"type":"module"}');
      await install(project);
      expect(await run(project, "npx", ["muster", "version"])).toMatch(/^muster \d+\.\d+\.\d+ /);
      await writeFile(join(project, "program.js"), PROGRAM);
      await run(project, process.execPath, ["program.js"]);
      await writeFile(join(project, "tasks.js"), TASKS_ALONE);
      expect(await run(project, process.execPath, ["tasks.js"])).toBe("0\n");
      await writeFile(join(project, "tasks.js"), `import "muster/actors";${TASKS_ALONE}`);
      expect(Number(await run(project, process.execPath, ["tasks.js"]))).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );

  it(
    "writes a project that compiles, whose test passes, and whose program runs",
    async () => {
      const main = join(ROOT, "dist/cli/main.js");
      const project = join(folder, "My fleet");
      await run(folder, process.execPath, [main, "init", "My fleet"]);
      expect(JSON.parse(await readFile(join(project, "package.json"), "utf8"))).toMatchObject({
        name: "my-fleet",
      });
      await install(project);
      await run(project, "npm", ["run", "types"]);
      expect(await run(project, "npm", ["test"])).toContain("# pass 2\n");
      const up = execFile(process.execPath, [main, "up", "--ephemeral", "--port", "-1", "--handlers", "src/tasks.ts"], { cwd: project, env }); // biome-ignore format: one line
      const ended = new Promise((resolve) => up.once("exit", resolve));
      const url = await urlIn(up.stderr);
      env.NATS_URL = url;
      expect(await run(project, "npm", ["start", "--silent"])).toContain("question: 1");
      up.kill("SIGTERM");
      expect(await ended).toBe(0);
    },
    PATIENCE_MS,
  );

  it("never writes over a file", async () => {
    const project = join(folder, "taken");
    await mkdir(project);
    await writeFile(join(project, "README.md"), "mine");
    const main = join(ROOT, "dist/cli/main.js");
    await expect(run(folder, process.execPath, [main, "init", "taken"])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("README.md is there already: nothing was written."),
    });
    expect(await readFile(join(project, "README.md"), "utf8")).toBe("mine");
  });
});

/** The server's address, as `muster up` tells it once all is up. */
async function urlIn(stderr: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  for await (const part of stderr ?? []) {
    text += part;
    const url = /nats:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
    if (url !== undefined && text.includes("Ctrl")) return url;
  }
  throw new Error(`it ended: ${text}`);
}
