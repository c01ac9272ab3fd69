/** What a handler is given beside its item; costs next to nothing until it is used. */
import type { HandlerContext, HandlerLog, HandlerLogEntry, LogLevel } from "./handler.ts";

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
