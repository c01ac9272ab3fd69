/** The machine and the versions: a figure says nothing without them. */

import { statfs } from "node:fs/promises";
import { arch, availableParallelism, cpus, loadavg, platform, release, tmpdir, totalmem } from "node:os";
import { VERSION } from "../../bootstrap/version.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMb: number;
  readonly system: string;
  /** Processes that wanted a core in the last minute before it began: above 0 the machine was not ours alone. */
  readonly loadBefore: number;
  /** The streams lay in memory although their storage is `file`. */
  readonly dataInMemory: boolean;
  readonly versions: Readonly<Record<string, string>>;
}

export async function describeMachine(natsServer: string, folder = tmpdir()): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryMb: Math.round(totalmem() / 1024 ** 2),
    system: `${platform()} ${release()} ${arch()}`,
    loadBefore: loadavg()[0] ?? 0,
    dataInMemory: await isInMemory(folder),
    versions: { muster: VERSION, node: process.versions.node, "nats-server": natsServer },
  };
}

/** `f_type` of Linux's tmpfs. */
const TMPFS = 0x01021994;

async function isInMemory(folder: string): Promise<boolean> {
  const { type } = await statfs(folder);
  return platform() === "linux" && type === TMPFS;
}
