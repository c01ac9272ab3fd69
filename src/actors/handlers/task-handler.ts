/** What a worker runs of a task: its `run` between its schemas, with the properties that handlers carry. */
import type { CustomReducer } from "../../domain/reducers/index.ts";
import { InputMismatch, OutputMismatch } from "../../errors.ts";
import { conform } from "../../protocol/schema.ts";
import {
  type BatchContext,
  type HandlerFunction,
  type HandlerOptions,
  type Splitter,
  steerOf,
} from "./handler.ts";
import { type AnyDefinition, type AnyTask, attemptsOf, definitionOf, timeoutOf } from "./task.ts";

type Single = Exclude<AnyDefinition, { batch: true }>;
type Batch = Extract<AnyDefinition, { batch: true }>;

/** The handler that a task amounts to. */
export function handlerOfTask(task: AnyTask): HandlerFunction & HandlerOptions {
  const definition = definitionOf(task);
  const checks = checksOf(task.kind, definition);
  const fn = definition.batch === true ? batchHandler(definition, checks) : itemHandler(definition, checks);
  return Object.assign(fn, optionsOf(definition));
}

function optionsOf(definition: AnyDefinition): HandlerOptions {
  const { inline = false, batch = false, reduce, split } = definition;
  const timeout = timeoutOf(definition);
  const maxAttempts = attemptsOf(definition);
  return {
    inline,
    batch,
    ...(timeout === undefined ? {} : { timeout }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...(isOwn(reduce) ? { reduce } : {}),
    ...(split === undefined ? {} : { split: split as Splitter }),
  };
}

/** A reducer of the task's own, not the name of a built-in one. */
function isOwn(reduce: unknown): reduce is CustomReducer {
  return reduce !== undefined && typeof reduce !== "string";
}

/** What the schemas of a task make of values; without a schema a value stays as it is. */
interface Checks {
  input(item: unknown, index: number): unknown;
  output(made: unknown): unknown;
}

function checksOf(kind: string, { input, output }: AnyDefinition): Checks {
  const asIs = (value: unknown) => value;
  return {
    input:
      input === undefined
        ? asIs
        : (item, index) => conform(input, item, (fault) => new InputMismatch(kind, { index, ...fault })),
    output: output === undefined ? asIs : (made) => conformOutput(kind, output, made),
  };
}

/** What steers, or is an error, is no output. */
function conformOutput(kind: string, schema: NonNullable<AnyDefinition["output"]>, made: unknown): unknown {
  if (steerOf(made) !== undefined) return made;
  return conform(schema, made, (fault) => new OutputMismatch(kind, fault));
}

/** Goes on with a value at once, or when it comes: what needs no promise gets none. */
function then<T>(value: unknown, next: (value: T) => unknown): unknown {
  return isThenable<T>(value) ? Promise.resolve(value).then(next) : next(value as T);
}

function isThenable<T>(value: unknown): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function itemHandler({ run }: Single, checks: Checks): HandlerFunction {
  return (item, context) =>
    then(checks.input(item, context.index), (checked) => then(run(checked, context), checks.output));
}

// ── batches ────────────────────────────────────────────────────────────────────────────────────────────────────

function batchHandler({ run, input, output }: Batch, checks: Checks): HandlerFunction {
  if (input === undefined && output === undefined)
    return (items, context) => run(items as unknown[], context as BatchContext);
  return async (items, context) => {
    const given = items as unknown[];
    const { indexes } = context as BatchContext;
    const checked = await Promise.all(
      given.map((item, at) => orError(() => checks.input(item, indexes[at] ?? 0))),
    );
    const places = [...checked.keys()].filter((at) => !(checked[at] instanceof Error));
    if (places.length === 0) return checked;
    const fit = places.map((at) => checked[at]);
    const outputs = await run(fit, contextOf(context as BatchContext, places));
    if (!Array.isArray(outputs) || outputs.length !== fit.length) return outputs;
    const settled = outputs.map((output) => outputOrError(output, checks));
    for (const [at, place] of places.entries()) checked[place] = settled[at];
    return checked;
  };
}

/** The context of those of a batch's items that fit the schema. */
function contextOf(context: BatchContext, places: readonly number[]): BatchContext {
  const { job, kind, worker, log, attempt } = context;
  const indexes = places.map((at) => context.indexes[at] ?? 0);
  const attempts = places.map((at) => context.attempts[at] ?? 1);
  const index = indexes[0] ?? context.index;
  return {
    ...{ job, kind, worker, log, index, attempt, indexes, attempts },
    get signal() {
      return context.signal;
    },
  };
}

/** An error stands for an output of its own. */
function outputOrError(output: unknown, checks: Checks): unknown {
  if (output instanceof Error) return output;
  try {
    return then(output, (made) => (made instanceof Error ? made : checks.output(made)));
  } catch (error) {
    return asError(error);
  }
}

async function orError(check: () => unknown): Promise<unknown> {
  try {
    return await check();
  } catch (error) {
    return asError(error);
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
