/** Keeps a handler that runs on the worker's own event loop from ending the worker with `process.exit`. */
import { AsyncLocalStorage } from "node:async_hooks";
import { HandlerCrashed } from "../../errors.ts";

const insideHandler = new AsyncLocalStorage<true>();

let guards = 0;
let unguarded: typeof process.exit | undefined;

/** Runs `run`; `process.exit` within it, however late, throws HandlerCrashed while a guard is on. */
export function guarded<T>(run: () => T): T {
  return insideHandler.run(true, run);
}

/** Puts the guard on until the returned function is called. */
export function guardExit(): () => void {
  if (guards++ === 0) replaceExit();
  let on = true;
  return () => {
    if (!on) return;
    on = false;
    if (--guards === 0) restoreExit();
  };
}

function replaceExit(): void {
  const exit = process.exit;
  unguarded = exit;
  process.exit = (code?: number | string | null): never => {
    if (insideHandler.getStore()) throw new HandlerCrashed(`it called process.exit(${code ?? ""}).`);
    return exit.call(process, code);
  };
}

function restoreExit(): void {
  if (unguarded !== undefined) process.exit = unguarded;
  unguarded = undefined;
}
