import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { EXECUTABLE, install } from "./cache.ts";
import { type CommandResult, runCommand } from "./command.ts";
import { executablesOnPath } from "./path.ts";
import type { Found, SearchContext, ServerSource, Skipped } from "./step.ts";
import { skipped } from "./step.ts";
import { isSupported, MINIMUM_VERSION } from "./version.ts";

/** The package has this name on Debian and on what is made from it. */
const PACKAGE = "nats-server";
/** Long enough for a package of 10 MB, or for a suite's package list of 10 MB, over a slow line. */
const FETCH_LIMIT_MS = 180_000;

/** Reads what apt has, and fetches from it, without writing anything outside of `scratch`. */
export interface Apt {
  context: SearchContext;
  scratch: string;
  /** Options of apt, as in `Dir::State::Lists=/somewhere`. */
  settings: readonly string[];
}

/** Why apt cannot be used here, or undefined when it can. */
export async function aptMissing(context: SearchContext): Promise<string | undefined> {
  for (const tool of ["apt-get", "apt-cache", "dpkg"]) {
    if ((await executablesOnPath(tool, context.env)).length === 0) return `${tool} is not on PATH`;
  }
  return undefined;
}

/** Fetches the package list of the configured suites into apt's own directories, which `settings` redirect. */
export function updateLists(apt: Apt): Promise<CommandResult> {
  return run(apt, "apt-get", ["-qq", "update"], FETCH_LIMIT_MS);
}

/** Fetches the package into the cache, if apt's candidate is new enough. No root is needed: nothing is installed. */
export async function installPackage(apt: Apt, source: ServerSource): Promise<Found | Skipped> {
  const candidate = await candidateVersion(apt);
  if (candidate === undefined) return skipped(`apt knows no package ${PACKAGE}`);
  if (!isSupported(candidate))
    return skipped(`apt has ${PACKAGE} ${candidate}; muster needs ${MINIMUM_VERSION}`);
  const fetched = await run(apt, "apt-get", ["-qq", "download", PACKAGE], FETCH_LIMIT_MS);
  if (!fetched.ok) return skipped(fetched.reason);
  return unpack(apt, source);
}

async function candidateVersion(apt: Apt): Promise<string | undefined> {
  const policy = await run(apt, "apt-cache", ["policy", PACKAGE], 30_000);
  if (!policy.ok) return undefined;
  // A Debian version is [epoch:]upstream[-revision].
  return /^\s*Candidate:\s*(?:\d+:)?(\d+\.\d+\.\d+)/m.exec(policy.stdout)?.[1];
}

async function unpack(apt: Apt, source: ServerSource): Promise<Found | Skipped> {
  const archive = (await readdir(apt.scratch)).find((name) => name.endsWith(".deb"));
  if (archive === undefined) return skipped("apt-get download left no package");
  const root = join(apt.scratch, "root");
  const unpacked = await run(apt, "dpkg", ["-x", join(apt.scratch, archive), root], 60_000);
  if (!unpacked.ok) return skipped(unpacked.reason);
  const [server] = await executablesOnPath(EXECUTABLE, {
    PATH: ["usr/sbin", "usr/bin", "usr/local/bin"].map((folder) => join(root, folder)).join(":"),
  });
  return server === undefined
    ? skipped(`${archive} holds no ${EXECUTABLE}`)
    : install(server, source, apt.context);
}

function run(apt: Apt, file: string, args: readonly string[], timeoutMs: number): Promise<CommandResult> {
  const { context, scratch } = apt;
  const options =
    file === "dpkg" ? [] : [...common(apt), ...apt.settings].flatMap((setting) => ["-o", setting]);
  const env = { ...context.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  return runCommand({
    file,
    args: [...options, ...args],
    env,
    cwd: scratch,
    timeoutMs,
    signal: context.signal,
  });
}

function common({ context, scratch }: Apt): string[] {
  const seconds = Math.max(1, Math.ceil(context.silenceMs / 1000));
  return [
    `Dir::Cache=${join(scratch, "cache")}`,
    "Dir::Cache::pkgcache=",
    "Dir::Cache::srcpkgcache=",
    `Acquire::http::Timeout=${seconds}`,
    `Acquire::https::Timeout=${seconds}`,
    "Acquire::Retries=0",
    // Without this an update that reached no mirror ends well.
    "APT::Update::Error-Mode=any",
    "Acquire::Languages=none",
    // As root apt would fetch as the user _apt, who may not write below the home of root.
    ...(process.getuid?.() === 0 ? ["APT::Sandbox::User=root"] : []),
  ];
}
