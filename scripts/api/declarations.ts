/** What the package declares, as the compiler writes it: the public symbols of a door, with their comments. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A declaration, and each of its overloads. */
export interface Declared {
  name: string;
  /** The file of `src/` that declares it, without its ending. */
  file: string;
  /** Without the comment. */
  texts: string[];
  /** The inside of the comment above it, without stars; empty where there is none. */
  doc: string;
}

/** The public symbols of each door, in the order in which they are exported. */
export function publicSymbols(doors: readonly string[]): Declared[][] {
  const folder = mkdtempSync(join(tmpdir(), "muster-types-"));
  try {
    run("typescript/bin/tsc", ["-p", "tsconfig.build.json", "--emitDeclarationOnly", "--declarationMap", "false", "--outDir", folder]); // biome-ignore format: one line
    run("@biomejs/biome/bin/biome", [
      "format",
      "--write",
      "--log-level=error",
      "--vcs-enabled=false",
      folder,
    ]);
    return doors.map((door) => exportsOf(join(folder, `${door}.d.ts`), folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(tool: string, args: readonly string[]): void {
  execFileSync(process.execPath, [join(ROOT, "node_modules", tool), ...args], {
    cwd: ROOT,
    stdio: "pipe",
  });
}

const REEXPORT = /^export (?:type )?(?:\{([^}]*)\}|\*) from "([^"]+)\.ts";/gm;

/** What a file exports: what it declares, and what it passes on. */
function exportsOf(file: string, folder: string): Declared[] {
  const text = readFileSync(file, "utf8");
  const passedOn = [...text.matchAll(REEXPORT)].flatMap(([, names, from = ""]) => {
    const all = exportsOf(resolve(dirname(file), `${from}.d.ts`), folder);
    return names === undefined
      ? all
      : namesIn(names).flatMap((name) => all.filter((each) => each.name === name));
  });
  const place = file.slice(folder.length + 1, -".d.ts".length);
  return [...passedOn, ...merged(declarationsIn(text, place))];
}

function namesIn(list: string): string[] {
  return list.split(",").map((name) => name.trim().replace(/^type /, "")).filter((name) => name !== ""); // biome-ignore format: one line
}

const NAME = /^export (?:declare )?(?:abstract )?(?:class|function|interface|type|const) (\w+)/;

/** Blocks of lines at the left margin: a comment, and the declaration below it. */
function declarationsIn(text: string, file: string): Declared[] {
  return blocksOf(text).flatMap(({ comment, code }) => {
    const name = NAME.exec(code)?.[1];
    return name === undefined
      ? []
      : [{ name, file, texts: [code.replace(/^export (declare )?/, "")], doc: comment }];
  });
}

/** A comment and what stands below it. */
export interface Block {
  comment: string;
  code: string;
}

/** The blocks of a text, each of which begins at its left margin. */
export function blocksOf(text: string): Block[] {
  const parts = text.split(/^(?=\S)(?![}\])*>])/m);
  const blocks: Block[] = [];
  let comment = "";
  for (const part of parts) {
    if (part.startsWith("/**")) comment = insideOf(part);
    else {
      if (part.trim() !== "") blocks.push({ comment, code: part.trimEnd() });
      comment = "";
    }
  }
  return blocks;
}

function insideOf(comment: string): string {
  const inside = comment
    .trim()
    .replace(/^\/\*\*\s?/, "")
    .replace(/\s*\*\/$/, "");
  return inside.replace(/^ *\* ?/gm, "").trim();
}

/** Overloads are one symbol. */
function merged(all: readonly Declared[]): Declared[] {
  const byName = new Map<string, Declared>();
  for (const one of all) {
    const known = byName.get(one.name);
    if (known === undefined) byName.set(one.name, one);
    else known.texts.push(...one.texts);
  }
  return [...byName.values()];
}
