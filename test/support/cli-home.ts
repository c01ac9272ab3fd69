/** The built command line as processes of their own, in a home of their own, with nothing left behind. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { locateServer } from "../../src/bootstrap/server/locate.ts";

export const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** How a command ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** What its standard input holds; without it that is empty. */
  input?: string;
}

/** How long anything that is waited for may take, in ms: the machine may be busy. */
const PATIENCE_MS = 60_000;

/** A command that runs. */
export class CliProcess {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #texts = { stdout: "", stderr: "" };
  readonly #waiting = new Set<() => void>();

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#child = child;
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        this.#texts[name] += text;
        for (const look of this.#waiting) look();
      });
    }
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        resolve({ code, signal, ...this.#texts });
        for (const look of this.#waiting) look();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get stderr(): string {
    return this.#texts.stderr;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves with the match once `pattern` stands in what it wrote. Rejects when it ends before, or is silent too long. */
  line(pattern: RegExp, stream: "stdout" | "stderr" = "stderr"): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(limit);
        this.#waiting.delete(look);
      };
      const look = () => {
        const match = pattern.exec(this.#texts[stream]);
        const over = this.#child.exitCode !== null || this.#child.signalCode !== null;
        if (match === null && !over) return;
        settle();
        if (match !== null) resolve(match);
        else reject(new Error(`it ended without ${pattern}: ${this.#texts.stderr}`));
      };
      const limit = setTimeout(() => {
        settle();
        reject(new Error(`${pattern} did not come: ${this.#texts.stderr}`));
      }, PATIENCE_MS);
      this.#waiting.add(look);
      look();
    });
  }
}

/** A home for commands: nothing of the user's own settings reaches them, and what they leave can be seen. */
export class CliHome {
  readonly home: string;
  readonly #server: string;
  readonly #running = new Set<CliProcess>();

  static async create(): Promise<CliHome> {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is not there: run "npm run build" first`);
    const home = await mkdtemp(join(tmpdir(), "muster-home-"));
    await mkdir(join(home, "tmp"));
    const { path } = await locateServer({ env: process.env, allowInstall: true });
    return new CliHome(home, path);
  }

  private constructor(home: string, server: string) {
    this.home = home;
    this.#server = server;
  }

  start(args: readonly string[], { env = {}, cwd = this.home, input = "" }: RunOptions = {}): CliProcess {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { ...this.#env(), ...env } });
    child.stdin.on("error", () => {}); // It may end before it has read all.
    child.stdin.end(input);
    const running = new CliProcess(child);
    this.#running.add(running);
    void running.ended.then(() => this.#running.delete(running));
    return running;
  }

  async run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return await this.start(args, options).ended;
  }

  #env(): Record<string, string> {
    const { PATH = "" } = process.env;
    const server: Record<string, string> =
      this.#server === undefined ? {} : { MUSTER_NATS_SERVER: this.#server };
    return { PATH, HOME: this.home, TMPDIR: join(this.home, "tmp"), ...server };
  }

  /** Processes that were started from here and still run, whoever their parent is now: their environment names this home. */
  async processes(): Promise<number[]> {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
    const ours = await Promise.all(pids.map((pid) => this.#isOurs(pid)));
    return pids.filter((_, index) => ours[index]);
  }

  async #isOurs(pid: number): Promise<boolean> {
    // A zombie, dead but not collected, has an empty one.
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    return environment.split("\0").includes(`HOME=${this.home}`);
  }

  /** What lies in the folder for temporary files. */
  temporaryFiles(): Promise<string[]> {
    return readdir(join(this.home, "tmp"));
  }

  /** Resolves when neither processes nor temporary files are left. @throws what is left after a while */
  async nothingLeft(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const [pids, files] = [await this.processes(), await this.temporaryFiles()];
      if (pids.length === 0 && files.length === 0) return;
      if (Date.now() > deadline)
        throw new Error(`left behind: processes ${pids.join(", ")}; files ${files.join(", ")}`);
      await delay(50);
    }
  }

  /** Kills what still runs and removes the home. */
  async remove(): Promise<void> {
    const endings = [...this.#running].map((running) => running.ended);
    for (const pid of await this.processes()) kill(pid);
    await Promise.all(endings);
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
