/** Aligned tables without borders. */
import Table from "cli-table3";
import { oneLine } from "./text.ts";

export interface Column {
  head: string;
  /** @default "left" */
  align?: "left" | "right";
}

/** Only spaces between columns. */
const NO_CHARS = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
    .concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"])
    .map((name) => [name, ""]),
);

/** A table as lines that end with a line break; no colours, no spaces at a line's end. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: columns.map(({ head }) => head),
    colAligns: columns.map(({ align = "left" }) => align),
    chars: NO_CHARS,
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 2 },
  });
  table.push(...rows.map((row) => row.map(oneLine)));
  return table
    .toString()
    .split("\n")
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}
