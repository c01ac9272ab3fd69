/** Plans of jobs whose items are there to be read. */
import type { JobPlan } from "../../domain/plan.ts";
import type { ReadableInput } from "./source.ts";

/** A plan whose items are there, or have been made by a splitter. */
export type ReadablePlan = Omit<JobPlan, "input"> & { readonly input: ReadableInput };
