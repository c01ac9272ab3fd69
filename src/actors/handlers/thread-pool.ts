/** The threads themselves: a piscina pool, one thread a slot, that is never left without any. */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { BroadcastChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import { messageOf } from "../../errors.ts";
import type { HandlerLogEntry } from "./handler.ts";
import type { HandlerSet } from "./handler-set.ts";
import {
  type AbortCall,
  isLogCall,
  type ThreadData,
  type ThreadReply,
  type ThreadTask,
} from "./thread-words.ts";

/** How a pass's thread came to its end before it answered. */
export type Ending =
  /** An item's handler held the thread past its timeout. */
  | { type: "overdue"; item: number }
  /** The pass was aborted, and did not settle in time. */
  | { type: "abandoned" }
  /** It died by itself. */
  | { type: "died"; reason: string };

/** How the pool is set up. */
export interface PoolOptions {
  handlers: HandlerSet;
  slots: number;
  worker: string;
  /** Megabytes of old-generation heap a thread may use. @default Node's own limit */
  maxOldGenerationSizeMb?: number;
  onLog(entry: HandlerLogEntry): void;
  /** A thread died between passes, or cannot be started. */
  onFault(message: string): void;
}

/** Runs a pass, or, with the name `ready`, nothing. */
type Threads = Piscina<ThreadTask | undefined, ThreadReply>;

let pools = 0;

/** Threads that were all started at once, are kept, and are replaced when they die. */
export class ThreadPool {
  readonly #options: PoolOptions;
  readonly #channel: BroadcastChannel;
  readonly #kills = new Set<AbortController>();
  /** Undefined after all its threads died, until a pass asks for new ones. */
  #piscina: Threads | undefined;
  #closed = false;
  #lastFault = "its threads cannot be started.";

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#channel = new BroadcastChannel(`muster-aborts-${process.pid}-${pools++}`);
    // Node has it, its types do not: the channel must not keep the process alive.
    if ("unref" in this.#channel && typeof this.#channel.unref === "function") this.#channel.unref();
    this.#piscina = this.#start();
  }

  /** Resolves when every thread has loaded its handlers. */
  async ready(): Promise<void> {
    const threads = this.#threads();
    const asked = Array.from({ length: this.#options.slots }, () =>
      threads.run(undefined, { name: "ready" }).catch(() => undefined),
    );
    await Promise.all(asked);
  }

  /** Runs a pass in a free thread; `kill` ends that thread, with the {@link Ending} as its reason. */
  async run(task: ThreadTask, kill: AbortController): Promise<ThreadReply | Ending> {
    this.#kills.add(kill);
    try {
      return await this.#threads().run(task, { signal: kill.signal, transferList: transferable(task) });
    } catch (error) {
      return kill.signal.aborted ? kill.signal.reason : this.#death(error);
    } finally {
      this.#kills.delete(kill);
    }
  }

  /** Tells the thread that runs the pass of this number to abort it. */
  abort(number: number): void {
    const call: AbortCall = { abort: number };
    this.#channel.postMessage(call);
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#piscina?.destroy();
    this.#channel.close();
  }

  #threads(): Threads {
    this.#piscina ??= this.#start();
    return this.#piscina;
  }

  #start(): Threads {
    const { slots, maxOldGenerationSizeMb } = this.#options;
    const piscina = new Piscina<ThreadTask | undefined, ThreadReply>({
      filename: ENTRY,
      name: "pass",
      minThreads: slots,
      maxThreads: slots,
      // A thread that waits in Atomics.wait could not hear of an abort, nor run what handlers left behind.
      atomics: "disabled",
      recordTiming: false,
      workerData: this.#threadData(),
      ...(maxOldGenerationSizeMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb } }),
    });
    piscina.on("message", (message: unknown) => this.#onMessage(message));
    piscina.on("error", (error: unknown) => this.#onFault(error));
    piscina.on("workerDestroy", () => setImmediate(() => this.#onThreadGone(piscina)));
    return piscina;
  }

  #threadData(): ThreadData {
    const { handlers, worker } = this.#options;
    return { files: handlers.files, cwd: process.cwd(), worker, channel: this.#channel.name };
  }

  #onMessage(message: unknown): void {
    if (isLogCall(message)) this.#options.onLog(message.musterLog);
  }

  #onFault(error: unknown): void {
    this.#lastFault = describeDeath(error);
    this.#options.onFault(`A handler thread died between passes: ${this.#lastFault}`);
  }

  /** Piscina stops replacing threads once one died while it started: a pool without any begins anew with the next pass. */
  #onThreadGone(piscina: Threads): void {
    if (this.#closed || piscina !== this.#piscina || piscina.threads.length > 0) return;
    this.#piscina = undefined;
    const ending: Ending = { type: "died", reason: this.#lastFault };
    for (const kill of this.#kills) kill.abort(ending);
    void piscina.destroy();
  }

  #death(error: unknown): Ending {
    return this.#closed ? { type: "abandoned" } : { type: "died", reason: describeDeath(error) };
  }
}

/** The thread's entry; beside the sources stands one that compiles them. */
const ENTRY = fileURLToPath(
  new URL(extname(import.meta.url) === ".ts" ? "./thread-from-source.mjs" : "./thread.js", import.meta.url),
);

/** The bytes of the inputs move to the thread; they are a copy already. */
function transferable({ request: { inputs } }: ThreadTask): ArrayBuffer[] {
  const bytes = inputs.type === "items" && typeof inputs.json !== "string" ? inputs.json.buffer : undefined;
  return bytes instanceof ArrayBuffer ? [bytes] : [];
}

function describeDeath(error: unknown): string {
  const message = messageOf(error);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ERR_WORKER_OUT_OF_MEMORY") return "it ran out of memory.";
  const exit = /^worker exited with code: (\d+)$/.exec(message)?.[1];
  if (exit !== undefined) return `it exited with code ${exit} (process.exit).`;
  return `an error nobody caught: ${message}`;
}
