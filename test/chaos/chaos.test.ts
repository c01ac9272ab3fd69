/** Chaos on real processes, as much of it as `npm test` has time for: the smaller column of docs/reliability.md. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RUN = ".muster/chaos/test/chaos/run.js";
/** It ends as soon as every fault struck often enough: after two minutes on two idle cores, and later beside other work. */
const MINUTES = 12;

interface Ended {
  code: number;
  output: string;
}

async function run(program: string, ...args: string[]): Promise<Ended> {
  const child = spawn(program, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  const parts: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => parts.push(String(part)));
  const [code] = await once(child, "close");
  return { code, output: parts.join("") };
}

async function chaos(...args: string[]): Promise<Ended> {
  return await run(process.execPath, RUN, "--seed", "1", "--minutes", String(MINUTES), ...args);
}

describe("chaos on real processes", () => {
  beforeAll(async () => {
    const { code, output } = await run("npm", "run", "--silent", "chaos:build");
    expect(code, output).toBe(0);
  });

  it(
    "loses nothing and counts nothing twice while actors, links and the server die",
    async () => {
      const { code, output } = await chaos("--until", "small");
      expect(code, output).toBe(0);
    },
    (MINUTES + 4) * 60_000,
  );

  it(
    "loses nothing and counts nothing twice while the leaders of a cluster die",
    async () => {
      const { code, output } = await chaos(
        "--until",
        "small-cluster",
        "--replicas",
        "3",
        "--faults",
        "leader-kill,rolling-restart,link-cut",
      );
      expect(code, output).toBe(0);
    },
    (MINUTES + 4) * 60_000,
  );
});
