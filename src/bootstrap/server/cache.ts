import { randomUUID } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../errors.ts";
import type { Environment } from "../environment.ts";
import { examine } from "./candidate.ts";
import type { Found, SearchContext, ServerSource, Skipped, Step } from "./step.ts";
import { skipped } from "./step.ts";
import { newestFirst } from "./version.ts";

/** Temporary directories of this age, in ms, belong to a process that died: an install takes minutes at most. */
const ABANDONED_AFTER_MS = 3_600_000;
const FOLDER = /^nats-server-(\d+\.\d+\.\d+.*)$/;

/** The name of the executable on this platform. */
export const EXECUTABLE = process.platform === "win32" ? "nats-server.exe" : "nats-server";

/** Where muster keeps what it fetched: `$XDG_CACHE_HOME/muster`, or `~/.cache/muster`. */
export function defaultCacheDir(env: Environment): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache"), "muster");
}

/** The search in what was fetched before, the newest version first. */
export const cacheStep: Step = { name: "the cache", installs: false, find: findInCache };

async function findInCache(context: SearchContext): Promise<Found | Skipped> {
  const bin = join(context.cacheDir, "bin");
  const reasons: string[] = [];
  for (const version of await cachedVersions(bin)) {
    const path = join(bin, `nats-server-${version}`, EXECUTABLE);
    const verdict = await examine(path, context.env, context.signal);
    if (verdict.kind === "usable") return { kind: "found", path, version: verdict.version, source: "cache" };
    reasons.push(verdict.reason);
  }
  return skipped(reasons.length === 0 ? `${bin} holds none` : reasons.join("; "));
}

async function cachedVersions(bin: string): Promise<string[]> {
  const names = await readdir(bin).catch(() => []);
  return names.flatMap((name) => FOLDER.exec(name)?.[1] ?? []).sort(newestFirst);
}

/**
 * Puts a file that was fetched into the cache, if it runs and is new enough. The file must lie below the cache (the
 * same file system), so that it appears there whole or not at all: two processes may install at once.
 */
export async function install(
  file: string,
  source: ServerSource,
  context: SearchContext,
): Promise<Found | Skipped> {
  await chmod(file, 0o755);
  const verdict = await examine(file, context.env, context.signal);
  if (verdict.kind !== "usable") return skipped(`what was fetched is of no use: ${verdict.reason}`);
  const folder = join(context.cacheDir, "bin", `nats-server-${verdict.version}`);
  const path = join(folder, EXECUTABLE);
  await mkdir(folder, { recursive: true });
  await rename(file, path);
  return { kind: "found", path, version: verdict.version, source };
}

/**
 * Runs `work` with a directory of its own below the cache, and removes that after. What goes wrong in it (a full disk,
 * a directory that may not be written) becomes the reason for which the step is skipped; an abort goes through.
 */
export async function withScratch(
  context: SearchContext,
  work: (directory: string) => Promise<Found | Skipped>,
): Promise<Found | Skipped> {
  try {
    await removeAbandoned(context.cacheDir);
    const scratch = await makeScratch(context.cacheDir);
    return await work(scratch).finally(() => removeTree(scratch));
  } catch (error) {
    context.signal.throwIfAborted();
    return skipped(messageOf(error));
  }
}

async function makeScratch(cacheDir: string): Promise<string> {
  await mkdir(cacheDir, { recursive: true });
  return mkdtemp(join(cacheDir, `tmp-${randomUUID().slice(0, 8)}-`));
}

async function removeAbandoned(cacheDir: string): Promise<void> {
  const names = await readdir(cacheDir).catch(() => []);
  for (const name of names.filter((entry) => entry.startsWith("tmp-"))) {
    const path = join(cacheDir, name);
    const made = await stat(path).then(
      (found) => found.mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - made > ABANDONED_AFTER_MS) await removeTree(path);
  }
}

async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 2 });
}
