import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { readComment } from "../../scripts/api/comment.ts";
import { apiDocument, readApi } from "../../scripts/api/page.ts";
import { isClass, membersOf } from "../../scripts/api/render.ts";
import { ROOT, read } from "./pages.ts";

const api = readApi();
const symbols = [...api.main, ...api.testing];
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
  mkdirSync(join(ROOT, ".muster"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, ".muster", "examples-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(examples())("runs, and gives what it says: %s", async (name, text) => {
    const file = join(folder, `${name.replace(/\W/g, "-")}-${Math.abs(text.length)}.ts`);
    writeFileSync(file, runnable(text));
    await import(/* @vite-ignore */ pathToFileURL(file).href);
  });
});

const IMPORT = /^import .* from "muster(\/testing)?";$/gm;

/** An example as a module: over the fleet in memory, with a fleet where it takes one for granted, its comments checked. */
function runnable(text: string): string {
  const body = text.replace(IMPORT, "").replace(/^export /gm, "");
  const lines = body.split("\n").map(checked);
  const first = lines.findIndex((line) => line.includes("muster."));
  if (first >= 0 && !/\bmuster = /.test(body))
    lines.splice(first, 0, "await using muster = await connect();");
  const stage = JSON.stringify(pathToFileURL(join(ROOT, "test/docs/stage.ts")).href);
  const own = text.match(/^import (?!.*"muster).*$/gm) ?? [];
  return [
    ...own,
    `import { ${STAGE.join(", ")} } from ${stage};`,
    "",
    ...lines.filter((line) => !own.includes(line)),
  ].join("\n");
}

/** What {@link runnable} lets examples use. */
const STAGE = [
  ...["check", "connect", "console", "Events", "fail", "joinFleet", "range", "resolveConnection"],
  ...["retryAfter", "startActor", "startMuster", "task", "testMuster"],
];

/** `await x; // [1, 2]` and `console.log(x); // 3`: the comment is what comes of it. */
function checked(line: string): string {
  const match = /^(?!const )(?:console\.log\((.*)\)|(.*?)); \/\/ ((?:[[{"\d-]|true|false|null).*)$/.exec(
    line,
  );
  if (match === null) return line;
  const [, logged, plain, value] = match;
  return `await check(${logged ?? plain}, ${value});`;
}
