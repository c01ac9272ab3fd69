import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { ExampleFolder } from "./examples.ts";
import { blocksOf, type Page, ROOT, read } from "./pages.ts";

/** The programs that pages show, each beside the `tasks.ts` of its page. */
describe.each([
  ["README.md", "program.ts"],
  ["docs/client.md", "JobFailed"],
])("the program of %s with %s", (path, word) => {
  const folder = new ExampleFolder();
  afterAll(() => folder.remove());

  it("runs", async () => {
    const page: Page = { path, text: read(path) };
    const blocks = blocksOf(page, "ts");
    folder.write("tasks.ts", blocks.find((block) => block.startsWith("// tasks.ts")) ?? "");
    folder.write("program.ts", blocks.find((block) => block.includes(word)) ?? "");
    await folder.run("program.ts");
  });
});

/** As the project of `muster init` runs its own, over the package (`npm run build`). */
describe("the test of docs/client.md", () => {
  mkdirSync(join(ROOT, ".muster"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, ".muster", "client-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const blocks = blocksOf({ path: "docs/client.md", text: read("docs/client.md") }, "ts");
  const test = blocks.find((block) => block.includes('"node:test"')) ?? "";
  writeFileSync(join(folder, "tasks.ts"), blocks.find((block) => block.startsWith("// tasks.ts")) ?? "");

  async function run(name: string, text: string): Promise<string> {
    writeFileSync(join(folder, name), text);
    const env = { PATH: process.env.PATH, HOME: process.env.HOME };
    const jiti = join(ROOT, "node_modules", ".bin", "jiti");
    const ran = promisify(execFile)(process.execPath, [jiti, join(folder, name)], { cwd: ROOT, env });
    return await ran.then(
      ({ stdout }) => stdout,
      ({ stdout }) => stdout,
    );
  }

  it("passes", async () => {
    expect(await run("as-shown.test.ts", test)).toMatch(/^# pass 1\n# fail 0$/m);
  });

  it("would fail if an order cost something else", async () => {
    const changed = test.replace(", 7);", ", 8);");
    expect(changed).not.toBe(test);
    expect(await run("changed.test.ts", changed)).toMatch(/^# pass 0\n# fail 1$/m);
  });
});
