/** How examples are run. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { Fleet } from "../../examples/fleet.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

async function runExample(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("npx", ["jiti", "examples/run.ts", ...args], { cwd: ROOT });
  return stdout;
}

it("an example that there is not is answered with those that there are", async () => {
  await expect(runExample("astrology")).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining("ai, big-data, classical, finance, smart-city"),
  });
});

/** It takes 14 s on two slow cores that do nothing else. */
const EXAMPLE_LIMIT = 120_000;

it("an example runs on a fleet that runs already", { timeout: EXAMPLE_LIMIT }, async () => {
  const handlers = new URL("../../examples/classical/tasks.ts", import.meta.url);
  await using fleet = await Fleet.start({ handlers, workers: 2, lease: "1s" });
  const printed = await runExample("classical", "--server", fleet.server);
  expect(printed).toMatch(/five squares: plain .* s, muster .* s, speed-up/);
  expect(printed).toContain("naive task server, a worker killed: 11 of 12 squares");
  expect(printed).toContain("muster, a worker killed: 12 of 12 squares");
});
