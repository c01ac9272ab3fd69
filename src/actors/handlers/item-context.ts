/** What a handler is given beside its item; costs next to nothing until it is used. */
import type { BatchContext, HandlerContext, HandlerLog, HandlerLogEntry, LogLevel } from "./handler.ts";
import { attemptOf, type PassRequest } from "./pass.ts";

/** What all items of a pass have in common. */
export interface PassContext {
  job: string;
  kind: string;
  worker: string;
  log(entry: HandlerLogEntry): void;
}

/** The context of one attempt at one item. */
export class ItemContext implements HandlerContext {
  readonly index: number;
  readonly attempt: number;
  readonly #pass: PassContext;
  #controller: AbortController | undefined;
  #aborted: { reason: unknown } | undefined;

  constructor(pass: PassContext, index: number, attempt: number) {
    this.#pass = pass;
    this.index = index;
    this.attempt = attempt;
  }

  get job(): string {
    return this.#pass.job;
  }

  get kind(): string {
    return this.#pass.kind;
  }

  get worker(): string {
    return this.#pass.worker;
  }

  /** Made when it is first asked for: most handlers never do, and a controller costs a microsecond. */
  get signal(): AbortSignal {
    this.#controller ??= this.#madeController();
    return this.#controller.signal;
  }

  get log(): HandlerLog {
    const at = (level: LogLevel) => (message: string, fields?: Record<string, unknown>) =>
      this.#pass.log(this.#entry(level, message, fields));
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }

  /** Tells the handler that nobody waits for it any longer. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }

  #madeController(): AbortController {
    const controller = new AbortController();
    if (this.#aborted !== undefined) controller.abort(this.#aborted.reason);
    return controller;
  }

  #entry(level: LogLevel, message: string, fields: Record<string, unknown> | undefined): HandlerLogEntry {
    const { job, kind, worker } = this.#pass;
    const entry: HandlerLogEntry = {
      level,
      message: String(message),
      job,
      kind,
      index: this.index,
      attempt: this.attempt,
      worker,
    };
    if (fields !== undefined) entry.fields = fields;
    return entry;
  }
}

/** The context of one attempt at several items at once. */
export class ItemsContext extends ItemContext implements BatchContext {
  readonly indexes: readonly number[];
  readonly attempts: readonly number[];

  constructor(pass: PassContext, request: PassRequest, offsets: readonly number[]) {
    const indexes = offsets.map((offset) => request.from + offset);
    const attempts = offsets.map((offset) => attemptOf(request, offset));
    super(pass, indexes[0] ?? request.from, Math.max(1, ...new Set(attempts)));
    this.indexes = indexes;
    this.attempts = attempts;
  }
}
