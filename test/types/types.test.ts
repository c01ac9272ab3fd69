import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

it("the types are as test/types says, which the compiler agrees to", async () => {
  const compiler = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
  const run = promisify(execFile)(process.execPath, [compiler, "-p", "test/types"], { cwd: ROOT });
  const { stdout } = await run.catch((failed: { stdout: string }) => failed);
  expect(stdout).toBe("");
});
