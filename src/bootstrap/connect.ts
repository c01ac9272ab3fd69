/** A program's way into the fleet. */
import type { Muster } from "../client/index.ts";
import type { ConnectionFlags } from "./connection.ts";
import type { Environment } from "./environment.ts";

/** How to connect. What is left out is looked up as the `nats` command line does: in `NATS_*` variables, then in its context. */
export interface ConnectOptions extends ConnectionFlags {
  /** Subject prefix of the fleet. @default "muster" */
  prefix?: string;
  /** Where `NATS_URL` and the other `NATS_*` variables are looked up. @default process.env */
  env?: Environment;
}

/**
 * Connects to a fleet. A connection that is lost later heals by itself, and what waits goes on waiting.
 * @throws BrokerUnreachable, NoFleet, BrokerTooOld, JetStreamUnavailable, PermissionDenied, InvalidConfig
 *
 * @example
 * import { connect } from "muster";
 *
 * await using muster = await connect({ server: "nats://127.0.0.1:4222" });
 * await muster.map("double", [1, 2, 3]); // [2, 4, 6]
 */
export async function connect(options: ConnectOptions = {}): Promise<Muster> {
  const { env = process.env, prefix, ...flags } = options;
  const { joinFleet, Muster, resolveConnection } = await loaded();
  const connection = await resolveConnection(flags, env);
  const node = await joinFleet({ connection, as: "caller", ...(prefix === undefined ? {} : { prefix }) });
  try {
    return await Muster.start(node.context("client"), () => node.close());
  } catch (error) {
    await node.close();
    throw error;
  }
}

/** Loaded here and not before: modules that import this package for `task()` alone must cost a worker's threads little. */
async function loaded() {
  const [connection, node, client] = await Promise.all([
    import("./connection.ts"),
    import("./node.ts"),
    import("../client/index.ts"),
  ]);
  return { ...connection, ...node, ...client };
}
