/** Checks of this machine: Node, the nats-server to start, the disk. */
import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { defaultDataDir } from "../../bootstrap/embedded.ts";
import type { Environment } from "../../bootstrap/environment.ts";
import { locateServer } from "../../bootstrap/server/locate.ts";
import { messageOf, toMusterError } from "../../errors.ts";
import { type Finding, ok, warn } from "./finding.ts";

const LEAST_NODE = [20, 19] as const;
/** Below it an embedded server's streams get less than the 4 GiB that they may take by default. */
const ENOUGH_BYTES = 6 * 1024 ** 3;

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return ok("node", version);
  return {
    check: "node",
    level: "fail",
    detail: version,
    advice: `Install Node ${LEAST_NODE.join(".")} or newer.`,
  };
}

/** A server that could be started; needed only where none is given. */
export async function checkServerBinary(env: Environment): Promise<Finding> {
  try {
    const { version, path, source } = await locateServer({ env, allowInstall: false });
    return ok("nats-server", `${version} at ${path} (${source})`);
  } catch (error) {
    const { code, message } = toMusterError(error);
    if (code === "broker_not_found") {
      return warn(
        "nats-server",
        "none on this machine",
        '"muster up" fetches one when it needs it; "muster broker install" does it now.',
      );
    }
    return { check: "nats-server", level: "fail", detail: message, code };
  }
}

export async function checkDisk(env: Environment): Promise<Finding> {
  const folder = await existing(defaultDataDir(env));
  try {
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const text = `${(free / 1024 ** 3).toFixed(1)} GiB free at ${folder}`;
    if (free >= ENOUGH_BYTES) return ok("disk", text);
    return warn(
      "disk",
      text,
      "A full disk stops all streams: free some, or name another folder with --data.",
    );
  } catch (error) {
    return warn("disk", messageOf(error), "Name a folder with --data.");
  }
}

/** The folder, or the nearest one above it that is there. */
async function existing(folder: string): Promise<string> {
  for (let path = folder; ; path = dirname(path)) {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined || path === dirname(path)) return path;
  }
}
