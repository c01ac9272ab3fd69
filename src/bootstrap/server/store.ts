import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { InvalidConfig } from "../../errors.ts";
import { filesIn } from "./configuration.ts";

/** A full disk freezes a stream until the server restarts; so the streams may take this share of what is free. */
const SHARE_OF_FREE = 0.8;
/** How often to look whether a server has left, in ms. */
const LOOK_EVERY_MS = 20;

/**
 * Makes the store directory ready for a server; one that is still leaving it is waited for, `waitMs` at most. Throws {@link InvalidConfig} when another server runs on it: two on one
 * store would destroy the streams, and nats-server does not check.
 */
export async function prepareStore(storeDir: string, waitMs: number): Promise<void> {
  await mkdir(storeDir, { recursive: true, mode: 0o700 });
  const deadline = Date.now() + waitMs;
  for (let pid = await serverOn(storeDir); pid !== undefined; pid = await serverOn(storeDir)) {
    if (Date.now() > deadline) throw storeInUse(storeDir, pid);
    await delay(LOOK_EVERY_MS);
  }
  await removePortFiles(storeDir);
}

function storeInUse(storeDir: string, pid: number): InvalidConfig {
  return new InvalidConfig(
    `The store directory ${storeDir} is in use by another nats-server (process ${pid}): stop that one, connect to it with --server, or choose another directory.`,
  );
}

/** The process that runs on this store, if there is one. A pid alone proves nothing: pids are used again. */
async function serverOn(storeDir: string): Promise<number | undefined> {
  const files = filesIn(storeDir);
  const pid = Number.parseInt(await readFile(files.pid, "utf8").catch(() => ""), 10);
  if (!(pid > 0)) return undefined;
  const line = await commandLineOf(pid);
  return line.includes(files.configuration) ? pid : undefined;
}

async function commandLineOf(pid: number): Promise<string> {
  if (process.platform === "linux") return readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const listed = promisify(execFile)("ps", ["-p", String(pid), "-o", "command="]);
  return listed.then(
    ({ stdout }) => stdout,
    () => "",
  );
}

/** A killed server leaves its file of ports behind, and a later one may get the same pid. */
async function removePortFiles(storeDir: string): Promise<void> {
  const names = await readdir(storeDir);
  const stale = names.filter((name) => name.endsWith(".ports"));
  await Promise.all(stale.map((name) => rm(join(storeDir, name), { force: true })));
}

/** The bytes that the streams may take: what they take now, and most of what is free. */
export async function storageLimit(storeDir: string): Promise<number> {
  const [disk, used] = await Promise.all([statfs(storeDir), sizeOf(join(storeDir, "jetstream"))]);
  return used + Math.floor(disk.bavail * disk.bsize * SHARE_OF_FREE);
}

async function sizeOf(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  let total = 0;
  for (const entry of entries.filter((each) => each.isFile())) {
    total += await stat(join(entry.parentPath, entry.name)).then(
      (file) => file.size,
      () => 0,
    );
  }
  return total;
}
