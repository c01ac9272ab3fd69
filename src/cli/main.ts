#!/usr/bin/env node
/** The `muster` command: a shell of this process's streams and environment, handed to the program. */
import { EXIT } from "./exit.ts";
import { runProgram } from "./program.ts";
import type { Shell } from "./shell.ts";

const shell: Shell = {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  exitCode: EXIT.done,
};

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever read has seen enough, as in `muster dead ls | head`.
    process.exit(error.code === "EPIPE" ? EXIT.done : EXIT.failed);
  });
}

const exitCode = await runProgram(process.argv.slice(2), shell);
// A large result may still be on its way through a pipe; nothing else is waited for.
await Promise.all([process.stdout, process.stderr].map(flushed));
process.exit(exitCode);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable) resolve();
    else stream.write("", () => resolve());
  });
}
