/** File names by pattern: `*` and `?` within a name, `**` for folders however deep. */
import type { Dirent } from "node:fs";
import { access, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";

const MAGIC = /[*?]/;
const SPECIAL = /[.+^${}()|[\]\\]/g;

/**
 * The files that a pattern names, sorted, as paths like the pattern's. A file that is there under that very name is
 * meant itself; names that begin with a dot are found only by a pattern that says the dot.
 */
export async function filesOf(pattern: string, cwd: string): Promise<string[]> {
  if (!MAGIC.test(pattern) || (await exists(resolve(cwd, pattern)))) return [pattern];
  const [first = "", ...rest] = pattern.split("/");
  const found = first === "" ? await walk("/", rest, cwd) : await walk("", [first, ...rest], cwd);
  return [...new Set(found)];
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Follows the parts of a pattern from a folder. */
async function walk(folder: string, parts: readonly string[], cwd: string): Promise<string[]> {
  const [part = "", ...rest] = parts;
  if (part === "**") return await walkDeep(folder, rest, cwd);
  if (!MAGIC.test(part)) return await onward([join(folder, part)], rest, cwd);
  const matches = matcherOf(part);
  const entries = (await entriesOf(folder, cwd)).filter(({ name }) => matches(name));
  const wanted = rest.length === 0 ? entries.filter((entry) => !entry.isDirectory()) : entries;
  return await onward(
    wanted.map(({ name }) => join(folder, name)),
    rest,
    cwd,
  );
}

async function onward(paths: readonly string[], rest: readonly string[], cwd: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    if (rest.length > 0) found.push(...(await walk(path, rest, cwd)));
    else if (await exists(resolve(cwd, path))) found.push(path);
  }
  return found;
}

/** `**`: the folder itself and all below it. Links are not followed, as they may lead in a circle. */
async function walkDeep(folder: string, rest: readonly string[], cwd: string): Promise<string[]> {
  const found = await walk(folder, rest.length === 0 ? ["*"] : rest, cwd);
  for (const entry of await entriesOf(folder, cwd)) {
    if (entry.isDirectory() && !entry.name.startsWith("."))
      found.push(...(await walkDeep(join(folder, entry.name), rest, cwd)));
  }
  return found;
}

/** In a fixed order, whatever the file system's; none of what is no folder. */
async function entriesOf(folder: string, cwd: string): Promise<Dirent[]> {
  const entries = await readdir(resolve(cwd, folder), { withFileTypes: true }).catch(() => []);
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function matcherOf(part: string): (name: string) => boolean {
  const source = part.replace(SPECIAL, "\\$&").replace(/\*+/g, ".*").replaceAll("?", ".");
  const pattern = new RegExp(`^${source}$`, "su");
  return (name) => (part.startsWith(".") || !name.startsWith(".")) && pattern.test(name);
}
