/** Python's multiprocessing.Pool.map: processes on one machine, nothing stored, nothing survives. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./pool.py", import.meta.url));

export const name = "multiprocessing.Pool.map";

/** Why it cannot be run, or undefined. */
export async function missing() {
  try {
    execFileSync("python3", ["-c", "import multiprocessing.synchronize"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "python3 is not installed";
  }
}

export async function start({ workers }) {
  const child = spawn("python3", [PROGRAM, String(workers)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => JSON.parse((await lines.next()).value);
  const { version } = await read();
  /** Without a chunk size Python makes four chunks a process. */
  const map = async (count, chunksize) => {
    child.stdin.write(`${JSON.stringify({ count, chunksize })}\n`);
    return (await read()).ms;
  };
  const stop = async () => {
    child.stdin.end();
    await once(child, "exit");
  };
  return { map, stop, version, settings: `${workers} processes` };
}
