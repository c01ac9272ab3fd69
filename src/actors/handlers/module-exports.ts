/** Reads handlers out of what a module exports, and checks them. */
import { basename, extname } from "node:path";
import type { CustomReducer } from "../../domain/reducers/index.ts";
import { HandlerModuleInvalid } from "../../errors.ts";
import { isToken } from "../../protocol/names.ts";
import type { HandlerFunction, SplitterFunction } from "./handler.ts";
import type { LoadedHandler, LoadedSplitter } from "./handler-set.ts";
import type { ModuleExports } from "./module-file.ts";
import { type AnyTask, isTask } from "./task.ts";
import { handlerOfTask } from "./task-handler.ts";

/** Set by module systems, never by users. */
const NOT_EXPORTS = new Set(["default", "module.exports", "__esModule"]);

/** The exports that are the module's own reducer and splitter, not kinds. */
const REDUCE = "reduce";
const SPLIT = "split";

/**
 * The handlers of one module. Where it exports tasks, by name or as (part of) its default, they are all there is. Else its
 * default export if that is a function (the kind is the file's base name), the functions of its default export if that
 * is an object, and its named exports.
 * @throws HandlerModuleInvalid
 */
export function handlersIn(file: string, exports: ModuleExports): LoadedHandler[] {
  const tasks = tasksIn(exports);
  if (tasks.length === 0) return functionsIn(file, exports);
  const kinds = withoutConflicts(
    file,
    tasks.map((task) => [task.kind, task]),
  );
  return [...kinds.values()].filter(isTask).map((task) => loadedTask(file, task));
}

/** The handler that a task amounts to. @throws HandlerModuleInvalid */
export function loadedTask(file: string, task: AnyTask): LoadedHandler {
  const { kind } = task;
  return loadedHandler({ file, kind, value: handlerOfTask(task), moduleReduce: undefined });
}

function tasksIn(exports: ModuleExports): AnyTask[] {
  const { default: main } = exports;
  const parts = typeof main === "object" && main !== null && !isTask(main) ? Object.values(main) : [main];
  const others = Object.entries(exports).filter(([name]) => !NOT_EXPORTS.has(name));
  return [...parts, ...others.map(([, value]) => value)].filter(isTask);
}

function functionsIn(file: string, exports: ModuleExports): LoadedHandler[] {
  const found = withoutConflicts(file, [...fromDefault(file, exports.default), ...named(exports)]);
  const [moduleReduce, moduleSplit] = [found.get(REDUCE), found.get(SPLIT)];
  for (const name of [REDUCE, SPLIT]) found.delete(name);
  if (found.size === 0) throw new HandlerModuleInvalid(file, "it exports no handlers.");
  return [...found].map(([kind, value]) => loadedHandler({ file, kind, value, moduleReduce, moduleSplit }));
}

function named(exports: ModuleExports): [string, unknown][] {
  return Object.entries(exports).filter(([name]) => !NOT_EXPORTS.has(name));
}

function fromDefault(file: string, value: unknown): [string, unknown][] {
  if (value === undefined) return [];
  if (typeof value === "function") return [[basename(file, extname(file)), value]];
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return named(Object.fromEntries(Object.entries(value)));
  throw new HandlerModuleInvalid(
    file,
    `its default export is ${describe(value)}, not a function or an object of functions.`,
  );
}

/** The same function may be exported by name and as (part of) the default; two different ones may not. */
function withoutConflicts(file: string, entries: readonly [string, unknown][]): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [kind, value] of entries) {
    if (found.has(kind) && found.get(kind) !== value) {
      throw new HandlerModuleInvalid(file, `it exports two different handlers of kind "${kind}".`);
    }
    found.set(kind, value);
  }
  return found;
}

interface Found {
  file: string;
  kind: string;
  value: unknown;
  moduleReduce?: unknown;
  moduleSplit?: unknown;
}

/** Checks one export, and gives it the form that executors use. */
export function loadedHandler({ file, kind, value, moduleReduce, moduleSplit }: Found): LoadedHandler {
  if (!isToken(kind)) throw new HandlerModuleInvalid(file, invalidKind(kind));
  if (!isCallable(value)) {
    throw new HandlerModuleInvalid(file, `its export "${kind}" is ${describe(value)}, not a function.`);
  }
  const options: Readonly<Record<string, unknown>> = { ...value };
  const loaded: LoadedHandler = { kind, fn: value, inline: options.inline === true, source: file };
  if (options.batch === true) loaded.batch = true;
  const timeout = numberOption({ file, of: kind, options, name: "timeout", least: 0 });
  if (timeout !== undefined) loaded.timeout = timeout;
  const maxAttempts = numberOption({ file, of: kind, options, name: "maxAttempts", least: 1 });
  if (maxAttempts !== undefined) loaded.maxAttempts = maxAttempts;
  const reduce = options[REDUCE] ?? moduleReduce;
  if (reduce !== undefined) loaded.reduce = checkedReduce(file, reduce);
  const split = options[SPLIT] ?? moduleSplit;
  if (split !== undefined) loaded.split = loadedSplitter(file, split);
  return loaded;
}

function loadedSplitter(file: string, value: unknown): LoadedSplitter {
  if (!isSplitter(value))
    throw new HandlerModuleInvalid(file, `its "split" is ${describe(value)}, not a generator function.`);
  const options: Readonly<Record<string, unknown>> = { ...value };
  const loaded: LoadedSplitter = { fn: value };
  const timeout = numberOption({ file, of: SPLIT, options, name: "timeout", least: 0 });
  if (timeout !== undefined) loaded.timeout = timeout;
  const maxItems = numberOption({ file, of: SPLIT, options, name: "maxItems", least: 0 });
  if (maxItems !== undefined) loaded.maxItems = maxItems;
  return loaded;
}

/** What it returns is looked at when it is called: not only generators give something iterable. */
function isSplitter(value: unknown): value is SplitterFunction {
  return isCallable(value);
}

function invalidKind(kind: string): string {
  return `"${kind}" is not a valid kind: 1 to 64 letters, digits, "-" or "_".`;
}

/** A class is a function too, but cannot be called. */
function isCallable(value: unknown): value is HandlerFunction {
  return typeof value === "function" && !/^class\b/.test(Function.prototype.toString.call(value));
}

interface NumberOption {
  file: string;
  /** Whose property it is. */
  of: string;
  options: Readonly<Record<string, unknown>>;
  name: "timeout" | "maxAttempts" | "maxItems";
  least: number;
}

function numberOption({ file, of, options, name, least }: NumberOption): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw new HandlerModuleInvalid(
    file,
    `"${of}.${name}" must be an integer of at least ${least}, not ${describe(value)}.`,
  );
}

/** Only the outside is looked at here: `reducerFor` knows what a reducer must have. */
function checkedReduce(file: string, value: unknown): CustomReducer {
  if (isReduce(value)) return value;
  throw new HandlerModuleInvalid(file, `its "reduce" is ${describe(value)}, not a function or an object.`);
}

function isReduce(value: unknown): value is CustomReducer {
  return typeof value === "function" || (typeof value === "object" && value !== null);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  if (typeof value === "function") return "a class";
  if (typeof value === "object") return "an object";
  return `the ${typeof value} ${String(value).slice(0, 40)}`;
}
