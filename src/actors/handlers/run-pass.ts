/** One pass: the loop over items, the same inline and in a thread. */
import type { ItemFailure, PassResult } from "../../domain/pass.ts";
import { reducerFor } from "../../domain/reducers/index.ts";
import { isA } from "../../errors.ts";
import { unwrapBytes } from "../../protocol/binary.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type MaybePromise, thenFinally, whenThere } from "../../runtime/maybe.ts";
import { failureOf } from "./failure.ts";
import { fail, type HandlerLogEntry, steerOf } from "./handler.ts";
import type { HandlerSet, LoadedHandler } from "./handler-set.ts";
import { type ItemSource, readInputs } from "./inputs.ts";
import { ItemContext, ItemsContext, type PassContext } from "./item-context.ts";
import { askedCount, askedOffset, askedOffsets, attemptOf, type PassRequest } from "./pass.ts";
import { Abandoned, Patience } from "./patience.ts";
import { PieceBuilder } from "./pieces.ts";
import { splitting } from "./splitter.ts";

/** How a pass is tied to where it runs. */
export interface PassHooks {
  worker: string;
  clock: Clock;
  signal: AbortSignal;
  /** Whether to begin no further item; asked before each, so it must cost nothing. */
  stopped(): boolean;
  /** Called right before an item's handler. */
  began(offset: number): void;
  /** Called when all handlers have ended and only the outputs are left to be written. */
  ended(): void;
  /** Lets the event loop breathe between items, where others need it. */
  pause?(): Promise<void> | undefined;
  /** Milliseconds to wait for a handler after an abort. @default for ever */
  abandonAfter?: number;
  log(entry: HandlerLogEntry): void;
}

/**
 * Runs the asked items of a chunk one after the other.
 *
 * A failing item never disturbs its neighbours. A handler that returns without a promise costs none.
 * @throws UnknownKind, UnknownReducer
 */
export function runPass(
  request: PassRequest,
  handlers: HandlerSet,
  hooks: PassHooks,
): MaybePromise<PassResult> {
  const { kind, splitTo } = request;
  const handler = handlers.need(kind);
  return new Pass(request, splitTo === undefined ? handler : splitting(handler, splitTo), hooks).run();
}

class Pass {
  readonly #request: PassRequest;
  readonly #handler: LoadedHandler;
  readonly #hooks: PassHooks;
  readonly #context: PassContext;
  /** Made with the first promise: what never waits cannot be aborted amid its work. */
  #patience: Patience | undefined;
  readonly #builder: PieceBuilder;
  readonly #failures: ItemFailure[] = [];
  readonly #notRun: number[] = [];
  #source: ItemSource | undefined;
  #current: ItemContext | undefined;

  constructor(request: PassRequest, handler: LoadedHandler, hooks: PassHooks) {
    const { job, kind } = request;
    const { worker, log } = hooks;
    this.#request = request;
    this.#handler = handler;
    this.#hooks = hooks;
    this.#context = { job, kind, worker, log };
    this.#builder = new PieceBuilder(reducerFor(request.reduce, handler.reduce), request);
  }

  run(): MaybePromise<PassResult> {
    return thenFinally(
      () => this.#runAsked(),
      () => this.#patience?.close(),
    );
  }

  #runAsked(): MaybePromise<PassResult> {
    const { clock } = this.#hooks;
    const source = this.#readSource();
    const startedAt = clock.monotonic();
    const waiting = source === undefined ? undefined : this.#runAll(source);
    return whenThere<void, PassResult>(waiting, () => this.#result(clock.monotonic() - startedAt));
  }

  #result(handlerMs: number): PassResult {
    this.#hooks.ended();
    this.#write();
    return { pieces: this.#builder.pieces, failures: this.#failures, notRun: this.#notRun, handlerMs };
  }

  /** Inputs that cannot be read fail every item, for good; undefined then. */
  #readSource(): ItemSource | undefined {
    try {
      this.#source = readInputs(this.#request);
    } catch (error) {
      for (const offset of askedOffsets(this.#request)) this.#refuse(offset, error);
    }
    return this.#source;
  }

  #runAll(source: ItemSource): Promise<void> | undefined {
    return this.#handler.batch === true
      ? this.#runBatch(source, askedOffsets(this.#request))
      : this.#runItems(source);
  }

  /** Runs the items one by one; a promise only where a handler gave one, or others on this event loop need a turn. */
  #runItems(source: ItemSource): Promise<void> | undefined {
    const count = askedCount(this.#request);
    for (let at = 0; at < count; at++) {
      const pause = this.#hooks.pause?.();
      const waiting = pause ?? this.#runItem(source, askedOffset(this.#request, at));
      if (waiting !== undefined) return this.#runRest(source, pause === undefined ? at + 1 : at, waiting);
    }
    return undefined;
  }

  async #runRest(source: ItemSource, start: number, first: Promise<void>): Promise<void> {
    await first;
    const count = askedCount(this.#request);
    for (let at = start; at < count; at++) {
      const pause = this.#hooks.pause?.();
      if (pause !== undefined) await pause;
      const waiting = this.#runItem(source, askedOffset(this.#request, at));
      if (waiting !== undefined) await waiting;
    }
  }

  #runItem(source: ItemSource, offset: number): Promise<void> | undefined {
    if (!this.#hooks.stopped()) return this.#attempt(offset, source.item(offset));
    this.#notRun.push(offset);
    return undefined;
  }

  /** Gives the handler all items at once. A thread that dies with them is said to have died at the first. */
  async #runBatch(source: ItemSource, offsets: readonly number[]): Promise<void> {
    const [first] = offsets;
    if (first === undefined || this.#hooks.stopped()) {
      this.#notRun.push(...offsets);
      return;
    }
    const context = new ItemsContext(this.#context, this.#request, offsets);
    this.#current = context;
    this.#hooks.began(first);
    try {
      const items = offsets.map((offset) => source.item(offset));
      for (const [at, offset] of offsets.entries()) this.#builder.begin(offset, items[at]);
      const outputs = await this.#waitFor(Promise.resolve(this.#handler.fn(items.map(unwrapBytes), context)));
      await this.#settleBatch(offsets, outputs, context);
    } catch (error) {
      context.abort(error);
      for (const offset of offsets) this.#noteThrown(offset, error);
    }
  }

  /** @throws HandlerFailed where the outputs are not one an item */
  async #settleBatch(offsets: readonly number[], returned: unknown, context: ItemContext): Promise<void> {
    if (!Array.isArray(returned)) throw fail("The batch handler returned no array.");
    const outputs: readonly unknown[] = [...returned];
    if (outputs.length !== offsets.length)
      throw fail(`The batch handler returned ${outputs.length} outputs for ${offsets.length} items.`);
    for (const output of outputs) keepHandled(output);
    for (const [at, offset] of offsets.entries()) await this.#settleOneOf(offset, outputs[at], context);
  }

  /** Settles an item of a batch: whatever is wrong with its output is no concern of the others. */
  #settleOneOf(offset: number, output: unknown, context: ItemContext): Promise<void> | undefined {
    try {
      if (isThenable(output)) return this.#wait(offset, Promise.resolve(output).then(unlessError), context);
      this.#settle(offset, unlessError(output));
    } catch (error) {
      this.#noteThrown(offset, error);
    }
    return undefined;
  }

  /** Runs the handler; gives a promise only where it gave one. */
  #attempt(offset: number, item: unknown): Promise<void> | undefined {
    const index = this.#request.from + offset;
    const context = new ItemContext(this.#context, index, attemptOf(this.#request, offset));
    this.#current = context;
    this.#builder.begin(offset, item);
    this.#hooks.began(offset);
    try {
      const output = this.#handler.fn(unwrapBytes(item), context);
      if (isThenable(output)) return this.#wait(offset, output, context);
      this.#settle(offset, output);
    } catch (error) {
      this.#noteThrown(offset, error);
    }
    return undefined;
  }

  async #wait(offset: number, promised: PromiseLike<unknown>, context: ItemContext): Promise<void> {
    try {
      this.#settle(offset, await this.#waitFor(promised));
    } catch (error) {
      context.abort(error);
      this.#noteThrown(offset, error);
    }
  }

  #waitFor(promised: PromiseLike<unknown>): PromiseLike<unknown> {
    this.#patience ??= this.#newPatience();
    return this.#patience.wait(promised);
  }

  #newPatience(): Patience {
    const { signal, clock, abandonAfter } = this.#hooks;
    const onAbort = () => this.#current?.abort(signal.reason);
    return new Patience({ timeout: this.#request.timeout, abandonAfter, signal, clock, onAbort });
  }

  #settle(offset: number, output: unknown): void {
    if (steerOf(output) !== undefined) throw output;
    try {
      this.#builder.add(offset, output);
    } catch (error) {
      this.#refuse(offset, error);
    }
  }

  /** Another attempt would come to the same. */
  #refuse(offset: number, error: unknown): void {
    this.#fail(offset, error, true);
  }

  /** After an abort, what a handler throws says only that it was aborted: its item counts as not run. */
  #noteThrown(offset: number, error: unknown): void {
    if (isA(error, Abandoned) || this.#hooks.signal.aborted) this.#notRun.push(offset);
    else this.#fail(offset, error);
  }

  #fail(offset: number, error: unknown, permanent?: true): void {
    const index = this.#request.from + offset;
    const attempt = attemptOf(this.#request, offset);
    const input = this.#source?.text(offset);
    this.#failures.push(failureOf(error, { index, attempt, input, permanent }));
  }

  #write(): void {
    this.#builder.finish();
    for (const { offsets, reason } of this.#builder.unwritable) {
      for (const offset of offsets) this.#refuse(offset, reason);
    }
  }
}

/** In the place of an output an Error is a failure, also where it was promised. */
function unlessError(output: unknown): unknown {
  if (isA(output, Error)) throw output;
  return output;
}

/** A promise that waits for its turn may reject meanwhile, which must not count as unhandled. */
function keepHandled(output: unknown): void {
  try {
    if (isThenable(output)) Promise.resolve(output).catch(() => {});
  } catch {
    // It cannot be looked at, which is found again when it is its turn.
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value instanceof Promise) return true;
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
