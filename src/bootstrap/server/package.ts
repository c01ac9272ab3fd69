import { aptMissing, installPackage } from "./apt.ts";
import { withScratch } from "./cache.ts";
import type { Found, SearchContext, Skipped, Step } from "./step.ts";
import { skipped } from "./step.ts";

/** The distribution's own package, as the machine's package lists have it now. */
export const packageStep: Step = { name: "the distribution's package", installs: true, find: fetchPackage };

async function fetchPackage(context: SearchContext): Promise<Found | Skipped> {
  const missing = await aptMissing(context);
  if (missing !== undefined) return skipped(missing);
  return withScratch(context, (scratch) => installPackage({ context, scratch, settings: [] }, "package"));
}
