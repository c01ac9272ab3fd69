import { spawn } from "node:child_process";
import type { Environment } from "../environment.ts";

/** What a command may write before the rest is dropped: no command that muster runs has more to say. */
const OUTPUT_LIMIT = 1024 * 1024;

export interface Command {
  file: string;
  args: readonly string[];
  env: Environment;
  cwd?: string;
  /** The command is killed after so many ms. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/** How a command ended; `failed` when it could not be run, ran too long or exited with another code than 0. */
export type CommandResult = { ok: true; stdout: string } | { ok: false; reason: string };

/**
 * Runs a command to its end, without a shell. Rejects only when `signal` aborts.
 */
export async function runCommand(command: Command): Promise<CommandResult> {
  command.signal?.throwIfAborted();
  const limit = AbortSignal.timeout(command.timeoutMs);
  const result = await collect(command, limit);
  command.signal?.throwIfAborted();
  return limit.aborted
    ? { ok: false, reason: `${command.file} took more than ${command.timeoutMs / 1000} s` }
    : result;
}

function collect(command: Command, limit: AbortSignal): Promise<CommandResult> {
  const { file, args, env, cwd } = command;
  const signal = command.signal === undefined ? limit : AbortSignal.any([command.signal, limit]);
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      env,
      cwd,
      signal,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stdout = gather(child.stdout);
    const stderr = gather(child.stderr);
    // A failed spawn has no "close"; an aborted one has both, and the first to come is enough: the other does nothing.
    child.on("error", (error) => {
      if (child.pid === undefined) resolve({ ok: false, reason: `${file}: ${error.message}` });
    });
    child.on("close", (code, killedBy) => {
      if (code === 0) return resolve({ ok: true, stdout: stdout() });
      resolve({
        ok: false,
        reason: `${file} ended with ${killedBy ?? `code ${code}`}${quote(stderr() || stdout())}`,
      });
    });
  });
}

function gather(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    if (text.length < OUTPUT_LIMIT) text += chunk;
  });
  return () => text.trim();
}

/** The last line says most: tools print progress first and the reason at the end. */
function quote(output: string): string {
  const last = output.split("\n").at(-1)?.trim().slice(0, 300) ?? "";
  return last === "" ? "" : `: ${last}`;
}
