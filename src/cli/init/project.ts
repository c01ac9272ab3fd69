/** A new project, from the files in `templates/project`. */
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../bootstrap/version.ts";
import { InvalidConfig } from "../../errors.ts";

const ROOT = new URL("../../../", import.meta.url);
const TEMPLATE = fileURLToPath(new URL("templates/project/", ROOT));

/** npm leaves `.gitignore` out of packages. */
const RENAMED: Readonly<Record<string, string>> = { gitignore: ".gitignore" };

/**
 * Writes a project into a folder, which is made where it is not there; gives back what was written.
 * @throws InvalidConfig where one of its files is there already; nothing is written then
 */
export async function writeProject(folder: string): Promise<string[]> {
  const files = await templateFiles();
  for (const { name } of files) await refuseExisting(join(folder, name));
  const words = await placeholders(folder);
  for (const { name, text } of files) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, filled(text, words), { flag: "wx" });
  }
  return files.map(({ name }) => name);
}

interface TemplateFile {
  /** Its path in the project. */
  name: string;
  text: string;
}

async function templateFiles(): Promise<TemplateFile[]> {
  const entries = await readdir(TEMPLATE, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const read = files.map(async (file) => {
    const path = join(file.parentPath, file.name);
    const name = relative(TEMPLATE, path);
    return { name: RENAMED[name] ?? name, text: await readFile(path, "utf8") };
  });
  return (await Promise.all(read)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function refuseExisting(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined) throw new InvalidConfig(`${path} is there already: nothing was written.`);
}

/** What the template leaves open: the project's name, and the versions that muster itself has. */
async function placeholders(folder: string): Promise<Record<string, string>> {
  const own = await readFile(new URL("package.json", ROOT), "utf8");
  const { dependencies, devDependencies } = JSON.parse(own) as Record<string, Record<string, string>>;
  const versions = { ...devDependencies, ...dependencies };
  return {
    name: packageName(folder),
    version: VERSION,
    jiti: versions.jiti ?? "*",
    zod: versions.zod ?? "*",
    types: versions["@types/node"] ?? "*",
    typescript: versions.typescript ?? "*",
  };
}

/** What npm takes as a name. */
function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name === "" ? "fleet" : name;
}

function filled(text: string, words: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (all, word: string) => words[word] ?? all);
}
