import { open } from "node:fs/promises";
import { BrokerUnreachable, InvalidConfig, type MusterError, messageOf } from "../../errors.ts";

/** What of the log goes into an error, in bytes. */
const TAIL_BYTES = 2000;
const PORT_TAKEN = /address already in use|EADDRINUSE|Only one usage of each socket/i;

/** What is known of a server that did not come up. */
export interface FailedStart {
  host: string;
  port: number;
  logFile: string;
  /** Where in the log this start began, in bytes. */
  logStart: number;
}

/** How the server ended. */
export interface ServerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Says why a server ended as it started, with the end of its log. */
export async function explainExit(failed: FailedStart, exit: ServerExit): Promise<MusterError> {
  const { host, port, logFile } = failed;
  const tail = await readTail(failed);
  if (PORT_TAKEN.test(tail)) {
    return new InvalidConfig(
      `Port ${port} on ${host} is already in use: stop what listens there, connect to it with --server, or choose another port (0 takes any free one).`,
    );
  }
  const how = exit.signal ?? `code ${exit.code}`;
  return new InvalidConfig(
    `nats-server ended as it started (${how}). The end of its log, ${logFile}:\n${tail}`,
  );
}

/** Says why a server that still runs is not usable. */
export async function explainSilence(failed: FailedStart, error: unknown): Promise<MusterError> {
  const reason = `${messageOf(error)}. The end of its log, ${failed.logFile}:\n${await readTail(failed)}\n`;
  return new BrokerUnreachable(`${failed.host}:${failed.port}`, reason, { cause: error });
}

async function readTail({ logFile, logStart }: FailedStart): Promise<string> {
  const log = await open(logFile, "r");
  try {
    const { size } = await log.stat();
    const position = Math.max(logStart, size - TAIL_BYTES);
    const { buffer, bytesRead } = await log.read({ buffer: Buffer.alloc(TAIL_BYTES), position });
    return buffer.toString("utf8", 0, bytesRead).trim();
  } finally {
    await log.close();
  }
}
