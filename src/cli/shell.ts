/** What commands are given of the world: streams, environment, and ways to join the fleet. One place, so that tests can exchange it. */
import type { Command } from "commander";
import { Client } from "../actors/client.ts";
import { type ConnectionFlags, type ConnectionSettings, resolveConnection } from "../bootstrap/connection.ts";
import { joinFleet, type Node } from "../bootstrap/node.ts";

export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadStream;
  /** Data, and nothing else. */
  readonly stdout: NodeJS.WriteStream;
  /** Progress, log and errors. */
  readonly stderr: NodeJS.WriteStream;
  /** Set by a command that ends well but with another code than 0. */
  exitCode: number;
}

/** The options that every command which connects takes. */
export interface ConnectOptions extends ConnectionFlags {
  prefix?: string;
}

export function addConnectOptions(command: Command): Command {
  return command
    .option("-s, --server <url>", "NATS server, or several separated by commas (NATS_URL)")
    .option("--context <name>", "context of the nats command line (NATS_CONTEXT)")
    .option("--creds <file>", "credentials file (NATS_CREDS)")
    .option("--nkey <file>", "file of an nkey seed (NATS_NKEY)")
    .option("--user <name>", "user name, or a token (NATS_USER)")
    .option("--password <password>", "password (NATS_PASSWORD)")
    .option("--tlsca <file>", "certificate authority (NATS_CA)")
    .option("--tlscert <file>", "client certificate (NATS_CERT)")
    .option("--tlskey <file>", "client key (NATS_KEY)")
    .option("--prefix <token>", "subject prefix of the fleet", "muster");
}

export function connectionOf(shell: Shell, options: ConnectOptions): Promise<ConnectionSettings> {
  return resolveConnection(options, shell.env);
}

/** Joins the fleet as a caller, runs `work` and leaves. */
export async function withClient<T>(
  shell: Shell,
  options: ConnectOptions,
  work: (client: Client, node: Node) => Promise<T>,
): Promise<T> {
  const connection = await connectionOf(shell, options);
  const node = await joinFleet({
    connection,
    as: "caller",
    ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
  });
  const client = new Client(node.context("client"));
  try {
    await client.start();
    return await work(client, node);
  } finally {
    await client.stop();
    await node.close();
  }
}
