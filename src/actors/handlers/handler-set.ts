/** The handlers that a worker knows, by kind. */
import type { CustomReducer } from "../../domain/reducers/index.ts";
import { UnknownKind } from "../../errors.ts";
import type { HandlerFunction, SplitterFunction } from "./handler.ts";

/** A handler as it was found in a module, its properties checked. */
export interface LoadedHandler {
  kind: string;
  fn: HandlerFunction;
  inline: boolean;
  /** It takes an array of items, and gives one of outputs. */
  batch?: boolean;
  /** Milliseconds an item may take. */
  timeout?: number;
  maxAttempts?: number;
  reduce?: CustomReducer;
  split?: LoadedSplitter;
  /** The module's absolute path, or `built in`. */
  source: string;
}

/** A splitter as it was found in a module, its properties checked. */
export interface LoadedSplitter {
  fn: SplitterFunction;
  timeout?: number;
  maxItems?: number;
}

/** All handlers of a worker. */
export class HandlerSet {
  /** The modules' absolute paths, in the order they were given. */
  readonly files: readonly string[];
  /** Built-in kinds that a module of the user's replaced. */
  readonly overrides: readonly string[];
  readonly #byKind: ReadonlyMap<string, LoadedHandler>;

  constructor(parts: {
    files: readonly string[];
    overrides: readonly string[];
    handlers: readonly LoadedHandler[];
  }) {
    this.files = parts.files;
    this.overrides = parts.overrides;
    this.#byKind = new Map(parts.handlers.map((handler) => [handler.kind, handler]));
  }

  /** All kinds, the built-in ones too, sorted. */
  get kinds(): string[] {
    return [...this.#byKind.keys()].sort();
  }

  get(kind: string): LoadedHandler | undefined {
    return this.#byKind.get(kind);
  }

  /** @throws UnknownKind when no handler has this kind */
  need(kind: string): LoadedHandler {
    const handler = this.#byKind.get(kind);
    if (handler === undefined) throw new UnknownKind(kind, this.kinds);
    return handler;
  }
}
