/** What the operating system says of a process: CPU time and peak memory, seen from outside of it. */
import { readFileSync } from "node:fs";

/** A process of the fleet, or this one. */
export interface Watched {
  /** As in `worker 2`. */
  readonly name: string;
  readonly pid: number;
}

/** Linux counts CPU time in hundredths of a second, whatever its kernel ticks. */
const MS_PER_TICK = 10;
/** Where user and system time stand behind the name, which may hold spaces. */
const UTIME = 11;
const STIME = 12;

/** CPU time that it used so far, all its threads together, in milliseconds; undefined where that is not told. */
export function cpuMs(pid: number): number | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[UTIME]) + Number(fields[STIME])) * MS_PER_TICK;
}

/** The most memory that it ever had resident, in megabytes; undefined where that is not told. */
export function peakMb(pid: number): number | undefined {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? "");
  return match === null ? undefined : Number(match[1]) / 1024;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // Not Linux, or the process is gone.
  }
}

/** Measures the CPU time of processes from here on; the returned function tells it, in milliseconds by name. */
export function watchCpu(processes: readonly Watched[]): () => Map<string, number> {
  const before = processes.map(({ pid }) => cpuMs(pid));
  return () => {
    const used = new Map<string, number>();
    processes.forEach(({ name, pid }, i) => {
      const [from, to] = [before[i], cpuMs(pid)];
      if (from !== undefined && to !== undefined) used.set(name, to - from);
    });
    return used;
  };
}
