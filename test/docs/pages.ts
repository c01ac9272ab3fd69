/** The project's documents, as tests look at them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Page {
  /** Relative to the project's root. */
  path: string;
  text: string;
}

/** README, CONTRIBUTING, CHANGELOG and everything in docs/ and examples/. */
export function pages(): Page[] {
  const names = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    ...markdownIn("docs"),
    ...markdownIn("examples"),
  ];
  return names.map((path) => ({ path, text: read(path) }));
}

export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

function markdownIn(folder: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  return entries.filter((name) => name.endsWith(".md")).map((name) => join(folder, name));
}

/** The code blocks of a language. */
export function blocksOf({ text }: Page, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, found, block]) =>
    found === language && block !== undefined ? [block] : [],
  );
}

/** A page without its code blocks. */
export function proseOf({ text }: Page): string {
  return text.replace(/^```.*?^```$/gms, "");
}

/** The rows of all tables, cell by cell, without heads and rules. */
export function rowsOf(text: string): string[][] {
  const lines = text.split("\n");
  const isRule = (line = "") => /^\|[\s|:-]+\|$/.test(line);
  return lines
    .filter((line, at) => line.startsWith("|") && !isRule(line) && !isRule(lines[at + 1]))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

/** The text of a cell that is one piece of code. */
export function codeOf(cell = ""): string {
  return /^`([^`]+)`$/.exec(cell)?.[1] ?? "";
}

export interface Link {
  page: string;
  target: string;
  /** The linked file, relative to the root. */
  file: string;
  anchor: string | undefined;
}

/** Links to other places of the project. */
export function linksOf(page: Page): Link[] {
  return [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page.path : relative(ROOT, resolve(ROOT, dirname(page.path), path));
      return { page: page.path, target, file, anchor };
    });
}

export function exists(path: string): boolean {
  return existsSync(join(ROOT, path));
}

/** The anchors that a page's headings make, as GitHub does. */
export function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
