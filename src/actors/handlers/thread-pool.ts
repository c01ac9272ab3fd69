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

/** Threads that were started together. */
interface Crew {
  readonly threads: Threads;
  /** Of the passes that they run, or that wait for one of them. */
  readonly kills: Set<AbortController>;
}

let pools = 0;

/** Threads that were all started at once, are kept, and are replaced when they die. */
export class ThreadPool {
  readonly #options: PoolOptions;
  readonly #channel: BroadcastChannel;
  /** All that were not ended: the one that takes passes, and those that only finish what they have. */
  readonly #crews = new Set<Crew>();
  /** Undefined after one of its threads could not be replaced, until a pass asks for new ones. */
  #crew: Crew | undefined;
  #closed = false;
  #lastFault = "its threads cannot be started.";

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#channel = new BroadcastChannel(`muster-aborts-${process.pid}-${pools++}`);
    // Node has it, its types do not: the channel must not keep the process alive.
    if ("unref" in this.#channel && typeof this.#channel.unref === "function") this.#channel.unref();
    this.#crew = this.#start();
  }

  /** Resolves when every thread has loaded its handlers. */
  async ready(): Promise<void> {
    const { threads } = this.#currentCrew();
    const asked = Array.from({ length: this.#options.slots }, () =>
      threads.run(undefined, { name: "ready" }).catch(() => undefined),
    );
    await Promise.all(asked);
  }

  /** Runs a pass in a free thread; `kill` ends that thread, with the {@link Ending} as its reason. */
  async run(task: ThreadTask, kill: AbortController): Promise<ThreadReply | Ending> {
    const crew = this.#currentCrew();
    crew.kills.add(kill);
    try {
      return await crew.threads.run(task, { signal: kill.signal, transferList: transferable(task) });
    } catch (error) {
      return kill.signal.aborted ? kill.signal.reason : this.#death(error);
    } finally {
      crew.kills.delete(kill);
      this.#endIfSpent(crew);
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
    await Promise.all([...this.#crews].map(({ threads }) => threads.destroy()));
    this.#channel.close();
  }

  #currentCrew(): Crew {
    this.#crew ??= this.#start();
    return this.#crew;
  }

  #start(): Crew {
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
    const crew: Crew = { threads: piscina, kills: new Set() };
    piscina.on("workerDestroy", () => setImmediate(() => this.#onThreadGone(crew)));
    this.#crews.add(crew);
    return crew;
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

  /** Piscina stops replacing threads once one died while it started: the next pass then begins with a new crew. */
  #onThreadGone(crew: Crew): void {
    const left = crew.threads.threads.length;
    if (this.#closed || left >= this.#options.slots) return;
    if (crew === this.#crew) this.#crew = undefined;
    const ending: Ending = { type: "died", reason: this.#lastFault };
    if (left === 0) for (const kill of crew.kills) kill.abort(ending);
    this.#endIfSpent(crew);
  }

  /** Ends a crew that takes no more passes and has finished the last one. */
  #endIfSpent(crew: Crew): void {
    if (crew === this.#crew || crew.kills.size > 0 || !this.#crews.delete(crew)) return;
    void crew.threads.destroy();
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
