import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** The server is up about 25 ms after it is spawned; what is polled is one small file. */
const LOOK_EVERY_MS = 3;

/** Where a server says which ports it took. */
export function portsFile(serverPath: string, pid: number, storeDir: string): string {
  return join(storeDir, `${basename(serverPath)}_${pid}.ports`);
}

/** Waits until the server has written its ports and greets on the first, and returns that port. */
export async function whenReady(file: string, host: string, signal: AbortSignal): Promise<number> {
  let port = await readPort(file);
  while (port === undefined) {
    await delay(LOOK_EVERY_MS, undefined, { signal });
    port = await readPort(file);
  }
  await greeted(host, port, signal);
  return port;
}

/** The file is not written in one piece, so what cannot be read yet is as good as not there. */
async function readPort(file: string): Promise<number | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  const port = /"nats"\s*:\s*\[\s*"[^"]*:(\d+)"[^\]]*\].*\}/s.exec(text)?.[1];
  return port === undefined ? undefined : Number(port);
}

function greeted(host: string, port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: reachable(host), port, signal });
    socket.once("data", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the server closed the connection before it greeted")));
  });
}

/** An address to listen on everywhere is not one to connect to. */
export function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}
