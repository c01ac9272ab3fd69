/**
 * Which versions of nats-server muster runs on. Atomic batches, message TTL and correct filtered purges came piece by
 * piece, and some of their faults were mended within a release line: so each line has its own least version.
 */

/** The version that muster fetches when it has to fetch one. */
export const RECOMMENDED_VERSION = "2.15.1";

/** The least versions in words, for error messages. */
export const MINIMUM_VERSION = "2.12.15 (of 2.12), 2.14.5 (of 2.14), or 2.15 and newer";

type Version = readonly [major: number, minor: number, patch: number];

/** Reads the version from `nats-server --version`, as in `nats-server: v2.15.1`; undefined when there is none. */
export function parseVersionOutput(output: string): string | undefined {
  return /\bv?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)/.exec(output)?.[1];
}

/** Tells whether a nats-server of this version has what muster needs. */
export function isSupported(version: string): boolean {
  const parts = split(version);
  if (parts === undefined) return false;
  const [major, minor, patch] = parts;
  if (major !== 2) return major > 2;
  if (minor === 12) return patch >= 15;
  if (minor === 14) return patch >= 5;
  return minor >= 15;
}

/** Sorts versions, the newest first. */
export function newestFirst(a: string, b: string): number {
  const left = split(a) ?? [0, 0, 0];
  const right = split(b) ?? [0, 0, 0];
  return right[0] - left[0] || right[1] - left[1] || right[2] - left[2];
}

function split(version: string): Version | undefined {
  const found = /^(\d+)\.(\d+)\.(\d+)/.exec(version);
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3])];
}
