/** Starts an actor as a child process of its own. */
import { type ChildProcess, fork } from "node:child_process";
import type { MusterError } from "../errors.ts";
import { messageOf, Unexpected } from "../errors.ts";
import type { Environment } from "./environment.ts";
import { type ChildMessage, errorOf, type ParentMessage } from "./kinship.ts";

export interface ForkPlan {
  /** muster's own main file. */
  entry: string;
  /** The command line, as in `["worker", "--slots", "4"]`. */
  args: readonly string[];
  cwd: string;
  env: Environment;
}

/** How a process ended, in words: `SIGKILL` or `exit code 1`. */
export type Exit = string;

export interface Forked {
  readonly pid: number | undefined;
  /** Resolves when the actor takes part; rejects when it ends before. */
  readonly ready: Promise<void>;
  /** Never rejects. */
  readonly ended: Promise<Exit>;
  /** Asks it to end in good order. */
  stop(): void;
  /** Asks it to end at once. */
  abort(): void;
  kill(): void;
}

/**
 * Node's default is half of it. What fast tasks leave behind is short-lived but for the few hundred under way, which each
 * collection copies: a tenth less CPU time a task in a worker, for some 20 MB more memory where there is that much to do.
 */
const YOUNG_SPACE = "--max-semi-space-size=32";

export function forkActor({ entry, args, cwd, env }: ForkPlan): Forked {
  const child = fork(entry, args, {
    cwd,
    env: { ...env },
    execArgv: [YOUNG_SPACE],
    // In a session of its own Ctrl+C does not reach it: the parent says in which order all end.
    detached: true,
    // What handlers print goes where the log goes: standard output belongs to data.
    stdio: ["ignore", 2, 2, "ipc"],
  });
  const ended = exitOf(child);
  const ready = readinessOf(child, ended);
  let begun = false;
  ready.then(
    () => (begun = true),
    () => {}, // Whoever started it looks.
  );
  return {
    pid: child.pid,
    ready,
    ended,
    stop: () => void child.kill("SIGTERM"),
    // One that has not begun does not listen yet, and has nothing to give back.
    abort: () => (begun ? tell(child, { type: "abort" }) : void child.kill("SIGTERM")),
    kill: () => void child.kill("SIGKILL"),
  };
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once("error", (error) => {
      if (child.pid === undefined) resolve(messageOf(error));
    });
  });
}

function readinessOf(child: ChildProcess, ended: Promise<Exit>): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: MusterError | undefined;
    child.on("message", (message) => {
      const said = message as ChildMessage;
      if (said.type === "ready") resolve();
      else if (said.type === "failed") failure = errorOf(said);
    });
    void ended.then((exit) => reject(failure ?? new Unexpected(`it ended as it started (${exit})`)));
  });
}

function tell(child: ChildProcess, message: ParentMessage): void {
  // A channel that closes meanwhile means that the child is gone already.
  if (child.connected) child.send(message, () => {});
}
