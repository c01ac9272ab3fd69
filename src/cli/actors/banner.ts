/** What `muster up` says once all runs: where everything is, and what to try. */
import { homedir } from "node:os";
import type { Environment } from "../../bootstrap/environment.ts";
import type { Up } from "../../bootstrap/up.ts";
import { VERSION } from "../../bootstrap/version.ts";

export interface BannerOptions {
  handlers?: readonly string[];
  prefix?: string | undefined;
  /** The context that was named by a flag. */
  context?: string | undefined;
  env: Environment;
}

const DEFAULT_URL = "nats://127.0.0.1:4222";

export function banner(up: Up, options: BannerOptions): string {
  const { handlers = [], env } = options;
  const rows: [string, string][] = [
    ["NATS", natsText(up)],
    ["data", dataText(up, env)],
    ["actors", actorsText(up)],
  ];
  if (handlers.length > 0) rows.push(["handlers", handlers.join(", ")]);
  const table = rows.map(([name, text]) => `  ${name.padEnd(8)}  ${text}`);
  const lines = tryLines(up, options).map((line) => `  ${line}`);
  return `${[`muster ${VERSION} is up; Ctrl+C stops it.`, "", ...table, "", ...lines, ""].join("\n")}\n`;
}

function natsText({ url, server }: Up): string {
  return server === undefined
    ? url
    : `${url}, nats-server ${server.located.version} (${server.located.path})`;
}

function dataText({ server }: Up, env: Environment): string {
  if (server === undefined) return "kept by that server";
  if (server.ephemeral) return "ephemeral: gone when this command ends";
  const home = env.HOME || homedir();
  const { storeDir } = server;
  return `kept in ${storeDir.startsWith(`${home}/`) ? `~${storeDir.slice(home.length)}` : storeDir}`;
}

function actorsText({ counts, slots }: Up): string {
  const { dispatcher, worker, aggregator } = counts;
  return [
    `${number(dispatcher, "dispatcher")}`,
    `${number(worker, "worker")} of ${number(slots, "slot")}`,
    number(aggregator, "aggregator"),
  ].join(", ");
}

function number(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Lines to copy. */
function tryLines(up: Up, options: BannerOptions): string[] {
  const { prefix = "muster" } = options;
  const where = whereFlags(up, options);
  const own = prefix === "muster" ? "" : ` --prefix ${prefix}`;
  return [
    `nats${where} req ${prefix}.run.double '[1,2,3,4,5]'`,
    `muster map double '[1,2,3,4,5]'${where}${own}`,
  ];
}

/** What tells other commands of this server; nothing where they find it by themselves. */
function whereFlags({ url, server, connection }: Up, { context, env }: BannerOptions): string {
  if (context !== undefined) return ` --context ${context}`;
  const isDefault = url === DEFAULT_URL && !env.NATS_URL && !env.NATS_CONTEXT;
  const isFound = server === undefined ? connection.source !== "flag" : isDefault;
  return isFound ? "" : ` --server ${url}`;
}
