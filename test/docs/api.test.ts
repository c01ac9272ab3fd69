import { afterAll, describe, expect, it } from "vitest";
import { readComment } from "../../scripts/api/comment.ts";
import { apiDocument, readApi } from "../../scripts/api/page.ts";
import { isClass, membersOf } from "../../scripts/api/render.ts";
import { ExampleFolder } from "./examples.ts";
import { read } from "./pages.ts";

const api = readApi();
const symbols = [...api.main, ...api.actors, ...api.testing];
/** Errors are all made the same way, and their page is docs/errors.md. */
const explained = symbols.filter(({ file }) => file !== "errors");

describe("docs/api.md", () => {
  it('is what the code says (else: "npm run docs")', () => {
    expect(read("docs/api.md")).toBe(apiDocument(api));
  });

  it("says something of every public symbol, and of every member of a class", () => {
    const classes = explained.filter(isClass);
    const members = classes.flatMap((one) =>
      membersOf(one).map(({ name, comment }) => ({ name: `${one.name}.${name}`, doc: comment.text })),
    );
    const silent = [...explained, ...members].filter(({ doc }) => doc === "");
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it("has an example of every function and every class", () => {
    const usable = explained.filter(({ texts }) => /^(function|class) /.test(texts[0] ?? ""));
    expect(usable.length).toBeGreaterThan(8);
    const bare = usable.filter(({ doc }) => readComment(doc).examples.length === 0);
    expect(bare.map(({ name }) => name)).toEqual([]);
  });
});

/** All examples of the page, by the headings above them. */
function examples(): [string, string][] {
  const inClasses = explained
    .filter(isClass)
    .flatMap((one) => membersOf(one).map(({ name, comment }) => ({ name: `${one.name}.${name}`, comment })));
  const all = [...symbols.map(({ name, doc }) => ({ name, comment: readComment(doc) })), ...inClasses];
  return all.flatMap(({ name, comment }) => comment.examples.map((text): [string, string] => [name, text]));
}

describe("the examples of docs/api.md", () => {
  const folder = new ExampleFolder();
  afterAll(() => folder.remove());

  it.each(examples())("runs, and gives what it says: %s", async (name, text) => {
    const file = `${name.replace(/\W/g, "-")}.ts`;
    folder.write(file, text);
    await folder.run(file);
  });
});
