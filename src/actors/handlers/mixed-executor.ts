/** Sends each kind where it belongs: handlers that wait to this event loop, the others to threads. */
import type { PassResult } from "../../domain/pass.ts";
import type { MaybePromise } from "../../runtime/maybe.ts";
import { InlineExecutor, type InlineOptions } from "./inline-executor.ts";
import type { Executor, PassRequest } from "./pass.ts";
import { IN_MEMORY } from "./registry.ts";
import { ThreadExecutor, type ThreadOptions } from "./thread-executor.ts";

/** How to run both ways; `slots` are threads. */
export interface MixedOptions extends ThreadOptions {
  /** Passes at once on this event loop. */
  inlineSlots: number;
}

/** An executor that starts its threads only when they are needed. */
export class MixedExecutor implements Executor {
  readonly #options: MixedOptions;
  readonly #inline: InlineExecutor;
  #threads: ThreadExecutor | undefined;

  constructor(options: MixedOptions) {
    this.#options = options;
    const inline: InlineOptions = { ...options, slots: options.inlineSlots };
    this.#inline = new InlineExecutor(inline);
  }

  /** Threads, and so passes at once of kinds that compute; for a given kind see {@link slotsFor}. */
  get slots(): number {
    return this.#options.slots;
  }

  /** How many passes of a kind run at once. @throws UnknownKind */
  slotsFor(kind: string): number {
    return this.#options.handlers.need(kind).inline ? this.#inline.slots : this.slots;
  }

  /** Starts the threads, and resolves when they have loaded their handlers. */
  warm(): Promise<void> {
    return this.#startedThreads().ready();
  }

  /** @throws UnknownKind, UnknownReducer */
  run(request: PassRequest, signal: AbortSignal): MaybePromise<PassResult> {
    const { inline, source } = this.#options.handlers.need(request.kind);
    // A splitter may compute, whatever the handler beside it does; but threads load files.
    const isHere = inline && (request.splitTo === undefined || source === IN_MEMORY);
    return (isHere ? this.#inline : this.#startedThreads()).run(request, signal);
  }

  async close(): Promise<void> {
    await Promise.all([this.#inline.close(), this.#threads?.close()]);
  }

  #startedThreads(): ThreadExecutor {
    this.#threads ??= new ThreadExecutor(this.#options);
    return this.#threads;
  }
}
