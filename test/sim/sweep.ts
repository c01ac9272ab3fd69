/** Many seeds, one after the other, and what they come to. */
import { simulate, type Verdict } from "./simulate.ts";

/** Of the seeds `from` … `to - 1` every `of`-th one, beginning at the `part`-th: so that processes can share a range. */
export interface SeedRange {
  from: number;
  to: number;
  part: number;
  of: number;
}

export interface Sweep {
  seeds: number;
  failing: { seed: number; violations: readonly string[] }[];
  virtualMs: number;
  messages: number;
  jobs: number;
  items: number;
  executions: number;
  /** Processor time, in milliseconds. */
  cpuMs: number;
}

export interface SweepOptions {
  sabotage?: string | undefined;
  onFailure?(verdict: Verdict): void;
  /** Is asked before each seed. */
  isOver?(): boolean;
}

export async function sweep({ from, to, part, of }: SeedRange, options: SweepOptions = {}): Promise<Sweep> {
  const sum = nothing();
  const before = process.cpuUsage();
  for (let seed = from + part; seed < to && !options.isOver?.(); seed += of) {
    const verdict = await simulate(seed, { sabotage: options.sabotage });
    add(sum, ofVerdict(verdict));
    if (verdict.violations.length > 0) options.onFailure?.(verdict);
  }
  const { user, system } = process.cpuUsage(before);
  return { ...sum, cpuMs: (user + system) / 1000 };
}

export function nothing(): Sweep {
  return { seeds: 0, failing: [], virtualMs: 0, messages: 0, jobs: 0, items: 0, executions: 0, cpuMs: 0 };
}

/** Adds `more` to `sum`. */
export function add(sum: Sweep, more: Sweep): void {
  sum.failing.push(...more.failing);
  for (const name of ["seeds", "virtualMs", "messages", "jobs", "items", "executions", "cpuMs"] as const)
    sum[name] += more[name];
}

function ofVerdict({ seed, violations, stats }: Verdict): Sweep {
  const { virtualMs, passages, jobs, items, executions } = stats;
  const failing = violations.length === 0 ? [] : [{ seed, violations }];
  return { seeds: 1, failing, virtualMs, messages: passages, jobs, items, executions, cpuMs: 0 };
}
