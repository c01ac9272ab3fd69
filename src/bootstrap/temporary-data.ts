/** A folder that lives no longer than this process, even when that is killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * What the sweeper runs: it waits until its standard input ends, which it does when this process dies, then until the
 * server has left the folder (its guardian gives it 5 s), and removes the folder.
 */
const SWEEPER = `
trap '' INT TERM HUP
read -r said && exit 0
tries=0
while [ "$tries" -lt 60 ] && kill -0 "$(cat "$1/nats-server.pid" 2>/dev/null)" 2>/dev/null; do
  sleep 0.1
  tries=$((tries + 1))
done
rm -rf -- "$1"
`;

export interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

export async function makeTemporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "muster-"));
  const release = startSweeper(path);
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
      await release();
    },
  };
}

/** Where there is no POSIX shell, a killed process leaves the folder to the system's own cleaning. */
function startSweeper(path: string): () => Promise<void> {
  const child = spawn("/bin/sh", ["-c", SWEEPER, "muster-sweeper", path], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const gone = once(child, "exit").catch(() => undefined);
  child.stdin.on("error", () => {});
  child.unref();
  unreference(child.stdin);
  return async () => {
    child.ref();
    child.stdin.end("released\n");
    await gone;
  };
}

/** A pipe of a child is a socket; kept referenced it would keep this process alive. */
function unreference(pipe: object): void {
  if ("unref" in pipe && typeof pipe.unref === "function") pipe.unref();
}
