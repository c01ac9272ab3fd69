/** Actors as processes of their own, from the built command line, so that they can be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ActorRole } from "../../src/domain/fleet.ts";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface LogLine {
  event?: string;
  [field: string]: unknown;
}

/** A process of `muster <role>`; its log is kept line by line. */
export class ActorProcess {
  readonly role: ActorRole;
  readonly child: ChildProcess;
  readonly log: LogLine[] = [];
  readonly #waiting = new Set<(line: LogLine) => void>();
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(role: ActorRole, url: string, args: readonly string[] = []) {
    this.role = role;
    this.child = spawn(process.execPath, [MAIN, role, "--server", url, "--log-level", "debug", ...args], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { PATH: process.env.PATH, HOME: "/nonexistent", TMPDIR: process.env.TMPDIR },
    });
    this.exited = once(this.child, "exit").then(([code, signal]) => ({ code, signal }));
    if (this.child.stderr === null) throw new Error("the process has no standard error");
    createInterface({ input: this.child.stderr }).on("line", (text) => this.#onLine(text));
  }

  static async start(role: ActorRole, url: string, args: readonly string[] = []): Promise<ActorProcess> {
    const actor = new ActorProcess(role, url, args);
    const failed = actor.exited.then(({ code }) => {
      throw new Error(`${role} ended with ${code}: ${JSON.stringify(actor.log.slice(-3))}`);
    });
    await Promise.race([actor.until((line) => line.event === "actor.started"), failed]);
    failed.catch(() => {}); // It ran; how it ends is its test's business.
    return actor;
  }

  /** Resolves with the first line, past or to come, that matches. */
  until(matches: (line: LogLine) => boolean): Promise<LogLine> {
    const found = this.log.find(matches);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => {
      const look = (line: LogLine) => {
        if (!matches(line)) return;
        this.#waiting.delete(look);
        resolve(line);
      };
      this.#waiting.add(look);
    });
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.child.kill(signal);
    return await this.exited;
  }

  #onLine(text: string): void {
    const line = parse(text);
    this.log.push(line);
    for (const look of [...this.#waiting]) look(line);
  }
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { text };
  }
}

/** Actors of one test, ended after it. */
export class Actors {
  readonly #url: string;
  readonly #all: ActorProcess[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  async start(role: ActorRole, ...args: string[]): Promise<ActorProcess> {
    const actor = await ActorProcess.start(role, this.#url, args);
    this.#all.push(actor);
    return actor;
  }

  /** Starts one that may die before it is ready. */
  spawn(role: ActorRole, ...args: string[]): ActorProcess {
    const actor = new ActorProcess(role, this.#url, args);
    this.#all.push(actor);
    return actor;
  }

  /** Ends all that still run, and waits until they are gone. */
  async stop(): Promise<void> {
    await Promise.all(this.#all.splice(0).map((actor) => actor.end("SIGKILL")));
  }
}
