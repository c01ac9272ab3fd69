/** Runs the naive task server with two workers, and kills one of them over its second task. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

type Program = ChildProcessByStdio<null, Readable, null>;

/** The squares that somebody computed, by number. */
export type Squares = Map<number, number>;

export async function runNaively(numbers: readonly number[]): Promise<Squares> {
  const squares: Squares = new Map();
  const server = start("server.mjs", numbers.map(String));
  const [port] = await once(createInterface({ input: server.stdout }), "line");
  const workers = [1, 2].map(() => start("worker.mjs", [port]));
  const [victim] = workers;
  for (const worker of workers) {
    let begun = 0;
    createInterface({ input: worker.stdout }).on("line", (line) => {
      const [, n, square] = /^(\d+) squared is (\d+)$/.exec(line) ?? [];
      if (n !== undefined) squares.set(Number(n), Number(square));
      else begun++;
      if (worker === victim && begun === 2) worker.kill("SIGKILL");
    });
  }
  await Promise.all([server, ...workers].map((program) => once(program, "close")));
  return squares;
}

function start(file: string, args: readonly string[]): Program {
  const path = fileURLToPath(new URL(file, import.meta.url));

  return spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "inherit"] });
}
