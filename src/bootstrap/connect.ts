/** A caller's way into the fleet. */
import { Client } from "../actors/client.ts";
import { type ConnectionFlags, resolveConnection } from "./connection.ts";
import { joinFleet } from "./node.ts";

export interface ConnectOptions extends ConnectionFlags {
  /** Subject prefix of the fleet. @default "muster" */
  prefix?: string;
  /** Environment in which `NATS_URL` and the other `NATS_*` variables, and the contexts of the `nats` command line, are looked up. @default none */
  env?: Readonly<Record<string, string | undefined>>;
}

/** A client that is connected; `close()` leaves the fleet. */
export interface ConnectedClient extends AsyncDisposable {
  readonly client: Client;
  close(): Promise<void>;
}

/**
 * Connects to a fleet in order to submit jobs and read their results.
 * @throws BrokerUnreachable, NoFleet, BrokerTooOld, JetStreamUnavailable, PermissionDenied, InvalidConfig
 *
 * @example
 * const { client, close } = await connect({ server: "nats://127.0.0.1:4222" });
 * const job = await client.submit({ kind: "double", body: "[1,2,3]" });
 * const { body } = await client.outcome(job); // "[2,4,6]"
 * await close();
 */
export async function connect(options: ConnectOptions = {}): Promise<ConnectedClient> {
  const { env = {}, prefix, ...flags } = options;
  const connection = await resolveConnection(flags, env);
  const node = await joinFleet({ connection, as: "caller", ...(prefix === undefined ? {} : { prefix }) });
  const client = new Client(node.context("client"));
  await client.start();
  const close = async () => {
    await client.stop();
    await node.close();
  };
  return { client, close, [Symbol.asyncDispose]: close };
}
