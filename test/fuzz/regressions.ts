/** Inputs that something was found with, one a file: tests run them for ever. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Finding } from "./session.ts";
import type { Input } from "./target.ts";

const FOLDER = fileURLToPath(new URL("./regressions/", import.meta.url));

export interface Regression {
  target: string;
  /** What was found, in a line. */
  found: string;
  input: Input;
}

/** Writes the input of a finding; returns the file's path. */
export function keep({ target, what, input }: Finding): string {
  const regression: Regression = { target, found: what.split("\n")[0] ?? "", input };
  const name = createHash("sha256").update(JSON.stringify(input)).digest("hex").slice(0, 8);
  mkdirSync(FOLDER, { recursive: true });
  const path = join(FOLDER, `${target}-${name}.json`);
  writeFileSync(path, `${JSON.stringify(regression, null, 2)}\n`);
  return path;
}

export function kept(): Regression[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".json"));
  return files.map((file) => JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Regression);
}
