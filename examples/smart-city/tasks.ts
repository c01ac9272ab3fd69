/** A window of readings is an item. */
import { task } from "muster";
import { summarize } from "./summarize.ts";

export const summary = task("summary", { run: summarize });
