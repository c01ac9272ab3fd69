/** The nats-servers of this machine that tests run on. */
import { locateServer } from "../../src/bootstrap/server/locate.ts";
import { BrokerNotFound } from "../../src/errors.ts";

export interface FoundServer {
  path: string;
  version: string;
}

/**
 * The one that muster itself would use (`MUSTER_NATS_SERVER`, `PATH`, the cache), and those that `MUSTER_NATS_SERVERS`
 * names, separated by colons; each version once.
 */
export async function foundServers(): Promise<FoundServer[]> {
  const more = (process.env.MUSTER_NATS_SERVERS ?? "").split(":").filter((path) => path !== "");
  const found = await Promise.all([undefined, ...more].map(locate));
  const byVersion = new Map<string, FoundServer>();
  for (const server of found.flat())
    if (!byVersion.has(server.version)) byVersion.set(server.version, server);
  return [...byVersion.values()];
}

/** None is no fault unless one was named. */
async function locate(explicitPath: string | undefined): Promise<FoundServer[]> {
  try {
    return [await locateServer({ env: process.env, allowInstall: false, explicitPath })];
  } catch (error) {
    if (error instanceof BrokerNotFound && explicitPath === undefined) return [];
    throw error;
  }
}
