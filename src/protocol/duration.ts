/** Durations as people write them. */

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const WRITTEN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/;

/** Milliseconds of `1500`, `"1500"`, `"1.5s"`, `"2m"`, `"1h"` or `"1d"`; undefined when it is none of these. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? value : undefined;
  const match = typeof value === "string" ? WRITTEN.exec(value.trim()) : null;
  if (match === null) return undefined;
  const unit = (match[2] ?? "ms") as keyof typeof UNITS;
  return Number(match[1]) * UNITS[unit];
}
