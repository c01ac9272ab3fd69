import { BrokerNotFound } from "../../errors.ts";
import type { Environment } from "../environment.ts";
import { cacheStep, defaultCacheDir } from "./cache.ts";
import { explicitStep } from "./explicit.ts";
import { goInstallStep } from "./go-install.ts";
import { newestSuiteStep } from "./newest-suite.ts";
import { packageStep } from "./package.ts";
import { pathStep } from "./path.ts";
import { RELEASE_BASE_URL, releaseStep } from "./release.ts";
import type { Found, SearchContext, ServerSource, Step, StepEvent } from "./step.ts";

/** The order of the search: what is there already, then what is fetched, the most official first. */
export const STEPS: readonly Step[] = [
  explicitStep,
  pathStep,
  cacheStep,
  releaseStep,
  packageStep,
  newestSuiteStep,
  goInstallStep,
];

export interface LocateOptions {
  /** A nats-server to use and no other; goes before `MUSTER_NATS_SERVER`. */
  explicitPath?: string | undefined;
  /** Read for `MUSTER_NATS_SERVER`, `PATH`, `HOME`, `XDG_CACHE_HOME`; handed on to the programs that are run. */
  env: Environment;
  /** @default `$XDG_CACHE_HOME/muster`, or `~/.cache/muster` */
  cacheDir?: string | undefined;
  /** Whether one may be fetched when none is there. */
  allowInstall: boolean;
  /** Told of each step as it begins and ends. */
  onStep?: ((event: StepEvent) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** @default the project's releases on GitHub */
  releaseBaseUrl?: string | undefined;
  /** How long a host may stay silent before its step is given up, in ms. @default 5000 */
  silenceMs?: number | undefined;
  /** For tests: other steps than {@link STEPS}. */
  steps?: readonly Step[] | undefined;
}

/** A nats-server that is there, runs and is new enough. */
export interface LocatedServer {
  path: string;
  version: string;
  source: ServerSource;
}

/**
 * Finds a nats-server that muster can run on, and fetches one into the cache where that is allowed and needed.
 * Throws {@link BrokerNotFound} with all that was tried, `BrokerTooOld` or `InvalidConfig` when the one that the
 * user named is of no use, and the signal's reason when aborted.
 *
 * @example
 * const { path } = await locateServer({ env: process.env, allowInstall: true });
 */
export async function locateServer(options: LocateOptions): Promise<LocatedServer> {
  const context = contextOf(options);
  const tried: string[] = [];
  for (const step of options.steps ?? STEPS) {
    if (step.installs && !options.allowInstall) continue;
    const outcome = await take(step, context, options.onStep);
    if (outcome.kind === "found")
      return { path: outcome.path, version: outcome.version, source: outcome.source };
    tried.push(`${step.name}: ${outcome.reason}`);
  }
  if (!options.allowInstall) tried.push('fetching one: not asked for ("muster broker install" does it)');
  throw new BrokerNotFound(tried);
}

function contextOf(options: LocateOptions): SearchContext {
  return {
    env: options.env,
    explicitPath: options.explicitPath,
    cacheDir: options.cacheDir ?? defaultCacheDir(options.env),
    releaseBaseUrl: options.releaseBaseUrl ?? RELEASE_BASE_URL,
    silenceMs: options.silenceMs ?? 5000,
    signal: options.signal ?? new AbortController().signal,
  };
}

async function take(
  step: Step,
  context: SearchContext,
  tell: LocateOptions["onStep"],
): Promise<Found | { kind: "skipped"; reason: string }> {
  context.signal.throwIfAborted();
  tell?.({ state: "started", step: step.name, installs: step.installs });
  const outcome = await step.find(context);
  if (outcome.kind === "skipped") tell?.({ state: "skipped", step: step.name, reason: outcome.reason });
  else tell?.({ state: "found", step: step.name, path: outcome.path, version: outcome.version });
  return outcome;
}
