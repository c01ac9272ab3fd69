import { join } from "node:path";

/** Above the server's default of 10,000: bursts of pipelined publishes on one stream are dropped beyond it. */
const MAX_BUFFERED_MSGS = 100_000;

/** What the embedded server's configuration file is made of. */
export interface ServerConfiguration {
  host: string;
  /** -1 for any free port. */
  port: number;
  storeDir: string;
  logFile: string;
  /** Bytes that all streams together may take. */
  maxStore: number;
  syncAlways: boolean;
  /** Lines of the server's own configuration language, taken as they are. */
  extra: string;
}

/** The files that the server and its launcher keep beside the streams. */
export function filesIn(storeDir: string): { configuration: string; pid: string } {
  return { configuration: join(storeDir, "nats-server.conf"), pid: join(storeDir, "nats-server.pid") };
}

/** Writes the server's configuration; JSON's strings are also strings of that language. */
export function formatConfiguration(configuration: ServerConfiguration): string {
  const { host, port, storeDir, logFile, maxStore, syncAlways, extra } = configuration;
  const address = host.includes(":") ? `[${host}]` : host;
  return `# Written by muster at each start: changes made here are lost.
listen: ${JSON.stringify(`${address}:${port}`)}
# A link that went dead is noticed after seconds, not minutes.
ping_interval: "10s"
ports_file_dir: ${JSON.stringify(storeDir)}
pid_file: ${JSON.stringify(filesIn(storeDir).pid)}
log_file: ${JSON.stringify(logFile)}
logfile_size_limit: ${32 * 1024 * 1024}
logfile_max_num: 3
jetstream {
  store_dir: ${JSON.stringify(storeDir)}
  max_file_store: ${Math.floor(maxStore)}
  max_buffered_msgs: ${MAX_BUFFERED_MSGS}${syncAlways ? "\n  sync_interval: always" : ""}
}
${extra}
`;
}
