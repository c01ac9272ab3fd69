/** Loads handler modules into one {@link HandlerSet}. */
import { resolve } from "node:path";
import { HandlerModuleInvalid } from "../../errors.ts";
import { BUILTIN_HANDLERS } from "./builtin.ts";
import { HandlerSet, type LoadedHandler } from "./handler-set.ts";
import { handlersIn, loadedHandler, loadedTask } from "./module-exports.ts";
import { importModule } from "./module-file.ts";
import type { AnyTask } from "./task.ts";

/** The `source` of built-in handlers. */
export const BUILT_IN = "built in";

/** The `source` of tasks that come from no module. */
export const IN_MEMORY = "this process";

/** What handlers are loaded from, beside files. */
export interface LoadOptions {
  /** What relative paths start from. */
  cwd: string;
  /** Tasks of this process; they run on its event loop, because threads could not reach them. @default none */
  tasks?: readonly AnyTask[];
}

/**
 * Loads handler modules, and the built-in kinds beside them.
 *
 * A kind of the user's wins over a built-in one of the same name, and is reported in `overrides`.
 *
 * @param files paths, relative ones against `cwd`; the same file twice counts once
 * @throws HandlerModuleInvalid for the first module that cannot be used, with the place where it helps
 */
export async function loadHandlers(
  files: readonly string[],
  { cwd, tasks = [] }: LoadOptions,
): Promise<HandlerSet> {
  const paths = [...new Set(files.map((file) => resolve(cwd, file)))];
  const loaded = await Promise.all(paths.map(async (file) => handlersIn(file, await importModule(file))));
  const here = tasks.map((task) => ({ ...loadedTask(IN_MEMORY, task), inline: true }));
  const byKind = distinct([...loaded.flat(), ...here]);
  const builtin = builtinHandlers();
  return new HandlerSet({
    files: paths,
    overrides: builtin.map(({ kind }) => kind).filter((kind) => byKind.has(kind)),
    handlers: [...builtin, ...byKind.values()],
  });
}

function builtinHandlers(): LoadedHandler[] {
  return Object.entries(BUILTIN_HANDLERS).map(([kind, value]) =>
    loadedHandler({ file: BUILT_IN, kind, value }),
  );
}

function distinct(handlers: readonly LoadedHandler[]): Map<string, LoadedHandler> {
  const byKind = new Map<string, LoadedHandler>();
  for (const handler of handlers) {
    const other = byKind.get(handler.kind);
    if (other !== undefined) {
      throw new HandlerModuleInvalid(
        handler.source,
        `its kind "${handler.kind}" is already in ${other.source}.`,
      );
    }
    byKind.set(handler.kind, handler);
  }
  return byKind;
}
