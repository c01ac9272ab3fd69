/** Runs passes in threads: a handler that computes, spins or dies holds up nobody but its own item. */
import type { ItemFailure, PassResult } from "../../domain/pass.ts";
import { HandlerCrashed, HandlerTimedOut, MusterError } from "../../errors.ts";
import { type Clock, systemClock, type Timer } from "../../runtime/clock.ts";
import { Beacon } from "./beacon.ts";
import { failureOf } from "./failure.ts";
import type { HandlerLogEntry } from "./handler.ts";
import type { HandlerSet } from "./handler-set.ts";
import { ABORT_GRACE } from "./inline-executor.ts";
import { inputText } from "./inputs.ts";
import { askedOffsets, attemptOf, type Executor, nothingRun, type PassRequest } from "./pass.ts";
import { Runs } from "./runs.ts";
import { type Ending, ThreadPool } from "./thread-pool.ts";
import type { ThreadReply } from "./thread-words.ts";
import { watchItems } from "./watch.ts";

/** Milliseconds that a handler which holds its thread gets beyond its timeout. */
const TIMEOUT_GRACE = 250;

/** How to run in threads. */
export interface ThreadOptions {
  handlers: HandlerSet;
  /** Threads, and so passes at once. */
  slots: number;
  /** Shown to handlers, and in their log entries. */
  worker: string;
  /** Megabytes of old-generation heap a thread may use. @default Node's own limit */
  maxOldGenerationSizeMb?: number;
  onLog?: (entry: HandlerLogEntry) => void;
  /** A thread died between passes, or cannot be started; it is replaced. */
  onFault?: (message: string) => void;
  /** Milliseconds to wait for a pass after an abort before its thread is ended. @default 500 */
  abortGrace?: number;
  clock?: Clock;
}

/** One pass on its way through a thread. */
interface Flight {
  number: number;
  request: PassRequest;
  signal: AbortSignal;
  beacon: Beacon;
  kill: AbortController;
}

/** Runs passes in threads, one a slot. */
export class ThreadExecutor implements Executor {
  readonly slots: number;
  readonly #options: ThreadOptions;
  readonly #clock: Clock;
  readonly #runs: Runs;
  readonly #pool: ThreadPool;
  #passes = 0;

  /** Starts all threads at once. */
  constructor(options: ThreadOptions) {
    this.#options = options;
    this.slots = options.slots;
    this.#clock = options.clock ?? systemClock;
    this.#runs = new Runs(options.slots, (request, signal) => this.#run(request, signal));
    const { onLog = () => {}, onFault = () => {} } = options;
    this.#pool = new ThreadPool({ ...options, onLog, onFault });
  }

  /** Resolves when every thread has loaded its handlers. */
  ready(): Promise<void> {
    return this.#pool.ready();
  }

  /** @throws UnknownKind, UnknownReducer, HandlerModuleInvalid (a module that changed since it was first loaded) */
  async run(request: PassRequest, signal: AbortSignal): Promise<PassResult> {
    this.#options.handlers.need(request.kind);
    return this.#runs.run(request, signal);
  }

  async close(): Promise<void> {
    await this.#runs.close();
    await this.#pool.close();
  }

  /** A thread that dies before its first item may have died of an earlier pass, so the pass gets a second one. */
  async #run(request: PassRequest, signal: AbortSignal): Promise<PassResult> {
    const first = this.#flight(request, signal);
    const answer = await this.#fly(first);
    if (!diedBeforeItems(first, answer)) return this.#resultOf(first, answer);
    const second = this.#flight(request, signal);
    return this.#resultOf(second, await this.#fly(second));
  }

  #flight(request: PassRequest, signal: AbortSignal): Flight {
    return { number: this.#passes++, request, signal, beacon: new Beacon(), kill: new AbortController() };
  }

  async #fly(flight: Flight): Promise<ThreadReply | Ending> {
    const { number, request, beacon, kill } = flight;
    const watch = this.#watch(flight);
    const unlink = this.#linkAbort(flight);
    try {
      return await this.#pool.run({ number, request: forThread(request), memory: beacon.memory }, kill);
    } finally {
      watch?.cancel();
      unlink();
    }
  }

  /** Ends the thread when an item holds it too long; a handler that only waits is timed out by the thread itself. */
  #watch({ request: { timeout }, beacon, kill }: Flight): Timer | undefined {
    if (timeout === 0) return undefined;
    const overdue = (item: number) => kill.abort({ type: "overdue", item } satisfies Ending);
    return watchItems({ beacon, limit: timeout + TIMEOUT_GRACE, clock: this.#clock, overdue });
  }

  #linkAbort({ number, signal, beacon, kill }: Flight): () => void {
    let timer: Timer | undefined;
    const onAbort = () => {
      beacon.stop();
      this.#pool.abort(number);
      const abandon = () => kill.abort({ type: "abandoned" } satisfies Ending);
      timer = this.#clock.after(this.#options.abortGrace ?? ABORT_GRACE, abandon);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    return () => {
      signal.removeEventListener("abort", onAbort);
      timer?.cancel();
    };
  }

  #resultOf(flight: Flight, answer: ThreadReply | Ending): PassResult {
    if (!("type" in answer)) return resultOrThrow(answer);
    if (answer.type === "abandoned" || flight.signal.aborted) return nothingRun(flight.request);
    if (answer.type === "overdue")
      return lostAt(flight.request, answer.item, new HandlerTimedOut(flight.request.timeout));
    return lostAt(flight.request, flight.beacon.item, new HandlerCrashed(answer.reason));
  }
}

function diedBeforeItems({ beacon, signal }: Flight, answer: ThreadReply | Ending): boolean {
  return "type" in answer && answer.type === "died" && beacon.item === undefined && !signal.aborted;
}

/** Structured cloning copies the whole buffer behind a view, often a large one of the connection: so the view is cut out. */
function forThread(request: PassRequest): PassRequest {
  const { inputs } = request;
  if (inputs.type === "range" || typeof inputs.json === "string") return request;
  return { ...request, inputs: { type: "items", json: new Uint8Array(inputs.json) } };
}

function resultOrThrow(reply: ThreadReply): PassResult {
  if (reply.ok) return reply.result;
  const { code, status, message } = reply.error;
  throw new MusterError(code, status, message);
}

/** The outputs of a pass die with its thread: one item is to blame, or, where none had begun, every one. */
function lostAt(request: PassRequest, item: number | undefined, error: MusterError): PassResult {
  const offsets = askedOffsets(request);
  const failed = item === undefined ? offsets : [item];
  const notRun = item === undefined ? [] : offsets.filter((offset) => offset !== item);
  return {
    pieces: [],
    failures: failed.map((offset) => failureAt(request, offset, error)),
    notRun,
    handlerMs: 0,
  };
}

function failureAt(request: PassRequest, offset: number, error: MusterError): ItemFailure {
  const attempt = attemptOf(request, offset);
  return failureOf(error, { index: request.from + offset, attempt, input: inputOf(request, offset) });
}

/** Inputs that no thread could read may not be readable here either. */
function inputOf(request: PassRequest, offset: number): string | undefined {
  try {
    return inputText(request, offset);
  } catch {
    return undefined;
  }
}
