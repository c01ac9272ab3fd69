import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILTIN_HANDLERS } from "../../src/actors/handlers/builtin.ts";
import type { HandlerSet } from "../../src/actors/handlers/handler-set.ts";
import { loadHandlers } from "../../src/actors/handlers/registry.ts";
import { MINIMUM_VERSION } from "../../src/bootstrap/server/version.ts";
import { createProgram } from "../../src/cli/program.ts";
import type { Shell } from "../../src/cli/shell.ts";
import { REDUCERS } from "../../src/domain/reducers/index.ts";
import { blocksOf, type Page, pages, proseOf, read } from "./pages.ts";

const shell: Shell = {
  env: {},
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  exitCode: 0,
};
const program = await createProgram(shell);
const readme: Page = { path: "README.md", text: read("README.md") };

interface Line {
  page: string;
  /** The words behind `muster`. */
  words: string[];
}

/** `muster …` as the first word of a command in shell blocks and in inline code. */
function commandLines(): Line[] {
  return pages().flatMap((page) => {
    const inline = [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
    const shells = blocksOf(page, "sh").flatMap((block) => block.split("\n"));
    return [...inline, ...shells].flatMap(commandsIn).map((words) => ({ page: page.path, words }));
  });
}

function commandsIn(line: string): string[][] {
  const commands = line.replace(/ #.*$/, "").split(/&&|\||;/);
  return commands
    .map((command) => command.trim().match(/'[^']*'|"[^"]*"|\S+/g) ?? [])
    .filter(([first, second]) => first === "muster" && second !== undefined && second !== "…")
    .map(([, ...words]) => words);
}

/** Walks down to the command that the words name; undefined where there is none. */
function find(words: readonly string[], from: Command = program): Command | undefined {
  const [word = ""] = words;
  if (from.commands.length === 0 || word.startsWith("-") || word === "") return from;
  const next = from.commands.find((command) => command.name() === word);
  return next === undefined ? undefined : find(words.slice(1), next);
}

function unknownFlags(words: readonly string[]): string[] {
  const known = find(words)?.options.flatMap(({ long, short }) => [long, short]) ?? [];
  const own = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
  const given = own.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split("=")[0] ?? "");
  return given.filter((flag) => flag !== "--help" && flag !== "-h" && !known.includes(flag));
}

describe("the commands that the documents name", () => {
  const lines = commandLines();

  it("exist", () => {
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.filter(({ words }) => find(words) === undefined)).toEqual([]);
  });

  it("take the flags that are shown", () => {
    expect(lines.filter(({ words }) => unknownFlags(words).length > 0)).toEqual([]);
  });

  it("are all named in the README", () => {
    const missing = program.commands
      .map((command) => command.name())
      .filter((name) => !readme.text.includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });
});

describe("npm scripts that the documents name", () => {
  it("exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = pages().flatMap(({ path, text }) =>
      [...text.matchAll(/npm run ([a-z:]+)/g)].map(([, name = ""]) => ({ path, name })),
    );
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(({ name }) => scripts[name] === undefined)).toEqual([]);
  });
});

describe("README", () => {
  it("names all reducers", () => {
    const missing = REDUCERS.filter(({ name }) => !readme.text.includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });

  it("names the minimum versions of nats-server as the code does", () => {
    expect(readme.text).toContain(MINIMUM_VERSION);
  });
});

describe("the handler module that the README shows", () => {
  let folder: string;
  let handlers: HandlerSet;

  beforeAll(async () => {
    const block = blocksOf(readme, "ts").find((text) => text.startsWith("// handlers.ts"));
    folder = await mkdtemp(join(tmpdir(), "muster-readme-"));
    await writeFile(join(folder, "handlers.ts"), block ?? "");
    handlers = await loadHandlers(["./handlers.ts"], { cwd: folder });
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it("loads, with the kinds and properties that it shows", () => {
    const own = handlers.kinds.filter((kind) => BUILTIN_HANDLERS[kind] === undefined);
    expect(own).toEqual(["status", "wordCount"]);
    expect(handlers.need("status")).toMatchObject({ inline: true, timeout: 10_000, maxAttempts: 5 });
    expect(handlers.need("wordCount").inline).toBe(false);
  });

  it("counts words", async () => {
    const run = handlers.need("wordCount").fn;
    expect(await Reflect.apply(run, undefined, ["To be, or not to be: constructor"])).toEqual({
      to: 2,
      be: 2,
      or: 1,
      not: 1,
      constructor: 1,
    });
  });
});
