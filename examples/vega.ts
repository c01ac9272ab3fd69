/** The data sets of `vega-datasets` that are read here: their CSV has no quotes. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** It lies beside what the package exports. */
const DATA = join(dirname(createRequire(import.meta.url).resolve("vega-datasets")), "..", "data");

/** The text of a file of the package `vega-datasets`. */
export function vega(name: string): string {
  return readFileSync(join(DATA, name), "utf8");
}

/** The rows of a CSV by the names in its first one. */
export function rowsOf<Name extends string>(text: string): Record<Name, string>[] {
  const [head = "", ...lines] = text.trim().split("\n");
  const names = head.split(",") as Name[];
  return lines.map((line) => {
    const fields = line.split(",");
    return Object.fromEntries(names.map((name, at) => [name, fields[at] ?? ""])) as Record<Name, string>;
  });
}
