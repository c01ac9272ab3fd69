/** The container engine that is there, and commands run on it; every command has a limit. */
import { spawn } from "node:child_process";

/** A command that ended badly, or not in time. */
export class CommandFailed extends Error {
  constructor(command, reason, stderr) {
    super(`"${command}" ${reason}${stderr.trim() === "" ? "." : `:\n${stderr.trim()}`}`);
    this.name = "CommandFailed";
  }
}

/**
 * Runs a command and resolves with its standard output.
 * @param {string[]} argv
 * @param {{ limitMs: number, signal?: AbortSignal, input?: string, env?: Record<string, string>, echo?: boolean }} options
 * `echo` passes its output on to standard error while it runs.
 */
export function run([file, ...args], { limitMs, signal, input = "", env = {}, echo = false }) {
  return new Promise((resolve, reject) => {
    const signals = [AbortSignal.timeout(limitMs), ...(signal === undefined ? [] : [signal])];
    const child = spawn(file, args, { env: { ...process.env, ...env }, signal: AbortSignal.any(signals) });
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8").on("data", (text) => {
        texts[name] += text;
        if (echo) process.stderr.write(text);
      });
    }
    const fail = (reason) =>
      reject(new CommandFailed([file, ...args].join(" "), reason, echo ? "" : texts.stderr));
    child.on("error", (error) => fail(endedBy(error, { limitMs, signal })));
    child.on("close", (code) => (code === 0 ? resolve(texts.stdout) : fail(`ended with code ${code}`)));
    // A command that ends without reading its input has said why by its code.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

function endedBy(error, { limitMs, signal }) {
  if (signal?.aborted) return "was interrupted";
  if (error.name === "AbortError") return `was not done within ${limitMs / 1000} s`;
  return `could not be run (${error.message})`;
}

const LOOK = { limitMs: 20_000 };

/** Says what keeps a compose file from being brought up here, or nothing. */
export async function missingEngine() {
  const engine = await run(["docker", "info", "--format", "{{.ServerVersion}}"], LOOK).catch(() => "");
  if (engine.trim() === "") return "no Docker engine answers here";
  const compose = await run(["docker", "compose", "version", "--short"], LOOK).catch(() => "");
  const major = Number(/^v?(\d+)/.exec(compose.trim())?.[1] ?? 0);
  if (major < 2) return "the engine is there, but not `docker compose` 2 or newer";
  return undefined;
}
