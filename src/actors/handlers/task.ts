/** Tasks as users define them: one definition for the worker that runs a kind and for the program that calls it. */
import { InvalidOption } from "../../errors.ts";
import { parseDuration } from "../../protocol/duration.ts";
import { checkToken } from "../../protocol/names.ts";
import type { Schema } from "../../protocol/schema.ts";
import type { BatchContext, HandlerContext, SplitterFunction, SplitterOptions, Steering } from "./handler.ts";
import type { Reducing } from "./reduce-types.ts";

/** Milliseconds, or a number with its unit: `"250ms"`, `"1.5s"`, `"10m"`, `"2h"`, `"1d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

/** Found by key, not by class: a handler module may have loaded its own copy of muster. */
const TASK = Symbol.for("muster.task");

/** What all definitions of tasks have. */
export interface TaskOptions<Given, Item, Made, Output, Reduce, Value = never> {
  /**
   * What an item must be. Checked before a job is sent, and again by the worker, whose handler gets what the schema makes of
   * it. Items travel as JSON, so at the worker a date is a string.
   * @default anything
   */
  input?: Schema<Given, Item>;
  /** What an output must be; the caller gets what the schema makes of it. An output that does not fit fails its item. @default anything */
  output?: Schema<Made, Output>;
  /** How outputs become the result, where the caller says nothing else. @default "collect": an array, in the order of the items */
  reduce?: Reduce;
  /** How often an item that failed is tried again, where the caller says nothing. @default 2 */
  retries?: number;
  /** How long one item may take, or a whole batch, where the caller says nothing; 0 means no limit. @default 0 */
  timeout?: Duration;
  /** Run on the worker's event loop instead of in a thread: for what waits rather than computes. @default false */
  inline?: boolean;
  /**
   * Makes the items of a job of a value: a generator that yields items, or chunks of them. Annotate its parameter; callers
   * give the value as `fromSplitter(value)`. @default none
   */
  split?: SplitterFunction<Value, NoInfer<Given>> & SplitterOptions;
}

/** A task that is given its items one by one. */
export interface TaskDefinition<Given, Item, Made, Output, Reduce, Value = never>
  extends TaskOptions<Given, Item, Made, Output, Reduce, Value> {
  batch?: false;
  /** Makes an output of an item. Throwing fails the item, which is tried again; `fail()` and `retryAfter()` steer that. */
  run(item: Item, context: HandlerContext): Made | Steering | Promise<Made | Steering>;
}

/** A task that is given many items at once, as models and databases want it. */
export interface BatchTaskDefinition<Given, Item, Made, Output, Reduce, Value = never>
  extends TaskOptions<Given, Item, Made, Output, Reduce, Value> {
  batch: true;
  /** Makes as many outputs as it is given items, in their order; an Error in the place of an output fails that item alone. */
  run(items: Item[], context: BatchContext): BatchMade<Made> | Promise<BatchMade<Made>>;
}

/** One output, or one failure, an item. */
type BatchMade<Made> = readonly (Failing<Made> | Promise<Failing<Made>>)[];
type Failing<Made> = Made | Steering | Error;

/** A definition whose types are not known, as workers meet it. */
export type AnyDefinition =
  | TaskDefinition<unknown, unknown, unknown, unknown, unknown>
  | BatchTaskDefinition<unknown, unknown, unknown, unknown, unknown>;

/**
 * A task: exported from a handler module it is what workers run, imported by a program it is what that program calls.
 *
 * `Item` is what callers give, `Output` what becomes of one item, `Reduce` how outputs become the result, `Value` what its
 * splitter takes.
 */
export interface Task<Item = unknown, Output = unknown, Reduce = unknown, Value = unknown> extends AnyTask {
  /** Never set: it carries the types. */
  readonly "~types"?: {
    readonly item: Item;
    readonly output: Output;
    readonly reduce: Reduce;
    readonly value: Value;
  };
}

/** A task, whatever its types. */
export interface AnyTask {
  /** The kind of its jobs. */
  readonly kind: string;
  readonly [TASK]: AnyDefinition;
}

/**
 * Defines a task. Types are inferred: of the items from `input`, else from the parameter of `run`; of the outputs from
 * `output`, else from what `run` returns; of the result from `reduce`.
 *
 * @param kind the name of its jobs: 1 to 64 letters, digits, `-` or `_`
 * @throws InvalidName, InvalidOption (retries, timeout)
 *
 * @example
 * import { task } from "muster";
 * import { z } from "zod";
 *
 * export const area = task("area", {
 *   input: z.object({ width: z.number().positive(), height: z.number().positive() }),
 *   run: ({ width, height }) => width * height,
 *   reduce: "sum",
 *   retries: 5,
 *   timeout: "30s",
 * });
 */
export function task<
  Item,
  Given = Item,
  Made = unknown,
  Output = Made,
  const Reduce extends Reducing<Output> = "collect",
  Value = never,
>(
  kind: string,
  definition: TaskDefinition<Given, Item, Made, Output, Reduce, Value>,
): Task<Given, Output, Reduce, Value>;
export function task<
  Item,
  Given = Item,
  Made = unknown,
  Output = Made,
  const Reduce extends Reducing<Output> = "collect",
  Value = never,
>(
  kind: string,
  definition: BatchTaskDefinition<Given, Item, Made, Output, Reduce, Value>,
): Task<Given, Output, Reduce, Value>;
export function task(kind: string, definition: AnyDefinition): AnyTask {
  checkToken("kind", kind);
  attemptsOf(definition);
  timeoutOf(definition);
  return Object.freeze({ kind, [TASK]: definition });
}

/** What a task was defined with. */
export function definitionOf(task: AnyTask): AnyDefinition {
  return task[TASK];
}

/** Whether a value is a task, of whichever copy of muster. */
export function isTask(value: unknown): value is AnyTask {
  return typeof value === "object" && value !== null && TASK in value;
}

/** How often an item is tried in all, where the task says so. @throws InvalidOption */
export function attemptsOf({ retries }: { retries?: number | undefined }): number | undefined {
  if (retries === undefined) return undefined;
  if (Number.isSafeInteger(retries) && retries >= 0) return retries + 1;
  throw new InvalidOption("retries", `${retries} is not a whole number from 0.`);
}

/** Milliseconds that an item may take, where the task says so. @throws InvalidOption */
export function timeoutOf({ timeout }: Pick<AnyDefinition, "timeout">): number | undefined {
  if (timeout === undefined) return undefined;
  const ms = parseDuration(timeout);
  if (ms !== undefined) return Math.ceil(ms);
  throw new InvalidOption("timeout", `"${timeout}" is not a duration: write milliseconds, or "30s".`);
}
