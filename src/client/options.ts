/** What a program may say of a job, and how that travels. */

import type { BuiltInReducer } from "../actors/handlers/reduce-types.ts";
import { attemptsOf, type Duration } from "../actors/handlers/task.ts";
import { parseReduce } from "../domain/reducers/index.ts";
import { parseOptions } from "../protocol/options.ts";

/** Options of one job. What is left out is the task's, and then the default. */
export interface JobChoices<Reduce = BuiltInReducer, OnError = "fail" | "continue"> {
  /** How the outputs become the result. @default the task's own, else "collect" */
  reduce?: Reduce;
  /** `"fail"`: the first item that fails for good fails the job. `"continue"`: such items are left out, in an array they are `null`. @default "fail" */
  onError?: OnError;
  /** Items that a worker is given at once; `"auto"` aims at 50 ms of handler time. @default "auto" */
  chunk?: number | "auto";
  /** Chunks that may be out at once; a small number limits how much of the fleet the job takes. @default "auto" */
  window?: number | "auto";
  /** How often an item that failed is tried again. @default the task's own, else 2 */
  retries?: number;
  /** Upper bound of the first wait before an item is tried again; doubles each time, up to 30 s. @default "100ms" */
  backoff?: Duration;
  /** How long an item may take. @default the task's own, else no limit */
  timeout?: Duration;
  /** When the job expires: so long after it was sent, or a date. @default never */
  deadline?: Duration | Date;
  /** @default "normal" */
  priority?: "high" | "normal" | "low";
  /** How long after it was sent the job starts. @default 0 */
  delay?: Duration;
  /** The same key is the same job, for as long as its outcome is kept: 24 hours. @default none */
  key?: string;
  /** Cancels the job; whoever waits for it gets the signal's reason. */
  signal?: AbortSignal;
}

/** Options as they travel: in headers. */
export type WireOptions = Record<string, string | number>;

/** Checks what was chosen, and writes it as it travels. @throws InvalidOption, UnknownOption, UnknownReducer */
export function wireOptions(choices: JobChoices<unknown, unknown>): WireOptions {
  const { signal: _, retries, deadline, ...others } = choices;
  const given = {
    ...others,
    maxAttempts: attemptsOf({ retries }),
    deadline: deadline instanceof Date ? deadline.toISOString() : deadline,
  };
  const wire = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  parseReduce(parseOptions(wire).reduce);
  return wire as WireOptions;
}
