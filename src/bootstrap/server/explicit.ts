import { BrokerTooOld, InvalidConfig } from "../../errors.ts";
import { examine } from "./candidate.ts";
import type { Found, SearchContext, Skipped, Step } from "./step.ts";
import { skipped } from "./step.ts";
import { MINIMUM_VERSION } from "./version.ts";

/**
 * The file that the user named. When it is of no use the search ends with an error: to go on to another one would
 * run something that the user did not ask for.
 */
export const explicitStep: Step = { name: "MUSTER_NATS_SERVER", installs: false, find: findExplicit };

async function findExplicit(context: SearchContext): Promise<Found | Skipped> {
  const path = context.explicitPath || context.env.MUSTER_NATS_SERVER;
  if (!path) return skipped("not set");
  const verdict = await examine(path, context.env, context.signal);
  if (verdict.kind === "too-old") throw new BrokerTooOld(`${verdict.version} (${path})`, MINIMUM_VERSION);
  if (verdict.kind === "broken") throw new InvalidConfig(`${origin(context)}: ${verdict.reason}.`);
  return { kind: "found", path, version: verdict.version, source: "explicit" };
}

function origin(context: SearchContext): string {
  return context.explicitPath ? "The given nats-server" : "MUSTER_NATS_SERVER";
}
