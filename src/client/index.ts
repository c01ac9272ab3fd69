/** The door of this folder. */
export type { Items } from "./items.ts";
export { Job, type JobProgress, type JobState } from "./job.ts";
export { Muster } from "./muster.ts";
export type { JobChoices } from "./options.ts";
export { Range, range } from "./range.ts";
