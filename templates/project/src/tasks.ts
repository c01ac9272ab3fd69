/** What workers run, and programs call. */
import { fail, task } from "muster";
import { z } from "zod";

/** Counts the words of a text; the result of a job is the counts of all its texts together. */
export const words = task("words", {
  input: z.string(),
  run: (text) => {
    const counts: Record<string, number> = {};
    for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) counts[word] = (counts[word] ?? 0) + 1;
    return counts;
  },
  reduce: "merge-counts",
});

/** How often an item is tried again, and how long it may take, is the task's to say. */
export const ratio = task("ratio", {
  input: z.object({ part: z.number(), whole: z.number() }),
  output: z.number(),
  run: ({ part, whole }) => {
    if (whole === 0) throw fail("there is no part of nothing"); // fail(): not tried again.
    return part / whole;
  },
  retries: 5,
  timeout: "10s",
});
