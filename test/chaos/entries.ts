/** Reads the history of a chaos run back, line by line. */
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Entry } from "./history.ts";

/** Every line that was written in the folder, file by file. */
export async function* entriesIn(folder: string): AsyncGenerator<Entry> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".jsonl"));
  for (const file of files.sort()) {
    for await (const line of createInterface({ input: createReadStream(join(folder, file)) })) {
      const entry = parse(line);
      if (entry !== undefined) yield entry;
    }
  }
}

/** A process may have been killed in the midst of a line. */
function parse(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
}
