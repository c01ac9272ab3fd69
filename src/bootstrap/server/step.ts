/** The words that the steps of the search for a nats-server share. */

import type { Environment } from "../environment.ts";

/** How a nats-server was come by. */
export type ServerSource =
  | "explicit"
  | "path"
  | "cache"
  | "release"
  | "package"
  | "newest-suite"
  | "go-install";

/** A nats-server that was run once and is new enough. */
export interface Found {
  kind: "found";
  path: string;
  version: string;
  source: ServerSource;
}

/** A step that came to nothing, and why, in words for the user. */
export interface Skipped {
  kind: "skipped";
  reason: string;
}

/** What every step is given. */
export interface SearchContext {
  env: Environment;
  /** The file named by the caller; it goes before `MUSTER_NATS_SERVER`. */
  explicitPath?: string | undefined;
  /** Everything that a step writes is below this directory. */
  cacheDir: string;
  /** Where the official release is fetched from. */
  releaseBaseUrl: string;
  /** How long a host may stay silent, in ms. */
  silenceMs: number;
  signal: AbortSignal;
}

/** One way of coming by a nats-server. */
export interface Step {
  /** In words for the user, as in `PATH` or `the official release`. */
  name: string;
  /** True when the step fetches or builds something: only where the caller allows installing. */
  installs: boolean;
  find(context: SearchContext): Promise<Found | Skipped>;
}

/** What the search tells while it goes on. */
export type StepEvent =
  | { state: "started"; step: string; installs: boolean }
  | { state: "skipped"; step: string; reason: string }
  | { state: "found"; step: string; path: string; version: string };

export function skipped(reason: string): Skipped {
  return { kind: "skipped", reason };
}
