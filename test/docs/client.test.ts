import { afterAll, describe, it } from "vitest";
import { ExampleFolder } from "./examples.ts";
import { blocksOf, type Page, read } from "./pages.ts";

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
