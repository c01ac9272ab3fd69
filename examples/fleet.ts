/** The fleet that an example runs on: one of its own, of real processes, or one that runs already. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connect, type Muster } from "muster";

const MUSTER = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

export interface FleetOptions {
  /** The example's module of tasks. */
  handlers: URL;
  /** A fleet that runs already, with workers that have the module. */
  server?: string | undefined;
  /** Worker processes to begin with. @default as many as there are cores */
  workers?: number | undefined;
  /** How long a task may go without a sign of life before another worker gets it. @default "10s" */
  lease?: string;
}

export class Fleet implements AsyncDisposable {
  readonly muster: Muster;
  readonly server: string;
  readonly #handlers: string;
  readonly #processes: MusterProcess[];

  private constructor(muster: Muster, server: string, handlers: string, processes: MusterProcess[]) {
    this.muster = muster;
    this.server = server;
    this.#handlers = handlers;
    this.#processes = processes;
  }

  static async start({ handlers, server, workers, lease = "10s" }: FleetOptions): Promise<Fleet> {
    const path = fileURLToPath(handlers);
    if (server !== undefined) return new Fleet(await connect({ server }), server, path, []);
    const count = workers === undefined ? [] : ["--workers", String(workers)];
    const args = ["up", "--ephemeral", "--port", "-1", "--lease", lease, ...count, "--handlers", path];
    const up = new MusterProcess(args);
    const url = await up.says(/NATS +(nats:\S+),/);
    return new Fleet(await connect({ server: url }), url, path, [up]);
  }

  /** Lets a worker join; resolves once it takes part. */
  async addWorker(): Promise<MusterProcess> {
    const args = ["worker", "--server", this.server, "--slots", "1", "--handlers", this.#handlers];
    const worker = new MusterProcess([...args, "--log-level", "info"]);
    this.#processes.push(worker);
    await worker.says(/"event":"(actor\.started)"/);
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.muster.close();
    for (const process of this.#processes.reverse()) await process.end("SIGTERM");
  }
}

/** A process of the command line. */
export class MusterProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #lines: string[] = [];
  readonly #readers = new Set<() => void>();
  readonly #kill = () => this.#child.kill();

  constructor(args: readonly string[]) {
    const child = spawn(process.execPath, [MUSTER, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    // Nothing is left running where the example throws.
    process.once("exit", this.#kill);
    this.#ended = once(child, "close").finally(() => this.#tell());
    createInterface({ input: child.stderr }).on("line", (line) => {
      this.#lines.push(line);
      this.#tell();
    });
  }

  /** Resolves with what the pattern captures, as soon as a line on standard error, past or to come, has it. */
  async says(pattern: RegExp): Promise<string> {
    for (;;) {
      for (const line of this.#lines) {
        const found = pattern.exec(line)?.[1];
        if (found !== undefined) return found;
      }
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`muster ended: ${this.#lines.join("\n")}`);
      await new Promise<void>((resolve) => this.#readers.add(resolve));
    }
  }

  /** SIGTERM lets it finish what it has begun; SIGKILL does not. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
    process.off("exit", this.#kill);
  }

  #tell(): void {
    for (const reader of this.#readers) reader();
    this.#readers.clear();
  }
}
