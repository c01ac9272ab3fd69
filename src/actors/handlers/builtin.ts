/** The kinds that every worker knows without any module: for trying muster out, for tests and for benchmarks. */
import { fail, type Handler, type HandlerContext, type HandlerFunction } from "./handler.ts";

function double(item: unknown): number {
  if (typeof item !== "number") throw fail(`"double" takes a number, got ${nameOf(item)}.`);
  return item * 2;
}

function echo(item: unknown): unknown {
  return item;
}

/** Takes milliseconds, or `{"ms": …}`; gives back the milliseconds. */
function sleep(item: unknown, ctx: HandlerContext): Promise<number> {
  const ms = typeof item === "object" && item !== null && "ms" in item ? item.ms : item;
  if (typeof ms !== "number" || !(ms >= 0) || ms > MAX_SLEEP) {
    throw fail(`"sleep" takes milliseconds from 0 to ${MAX_SLEEP}, or {"ms": …}; got ${nameOf(ms)}.`);
  }
  // So short a wait is over before it is missed, and a signal costs more than all the rest of it.
  return ms < SHORT_SLEEP ? new Promise((resolve) => setTimeout(resolve, ms, ms)) : waitFor(ms, ctx.signal);
}

/** Waits shorter than this go on after an abort, in milliseconds. */
const SHORT_SLEEP = 100;

/** The longest delay that a Node timer takes. */
const MAX_SLEEP = 2 ** 31 - 1;

function waitFor(ms: number, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve(ms);
    }, ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** Always fails; `{"times": n}` fails the first n attempts only, `{"permanent": true}` is not tried again. */
function alwaysFail(item: unknown, ctx: HandlerContext): unknown {
  const how = typeof item === "object" && item !== null ? item : {};
  if ("times" in how && typeof how.times === "number" && ctx.attempt > how.times) return item;
  const message = `"fail" failed item ${ctx.index}, attempt ${ctx.attempt}.`;
  if ("permanent" in how && how.permanent === true) throw fail(message);
  throw new Error(message);
}

/** Counts the primes below the item. */
function primes(item: unknown): number {
  if (typeof item !== "number" || !(item <= MAX_SIEVE)) {
    throw fail(`"primes" takes a number up to ${MAX_SIEVE}, got ${nameOf(item)}.`);
  }
  return countPrimes(Math.max(0, Math.ceil(item)));
}

/** One byte a number: 100 MB. */
const MAX_SIEVE = 100_000_000;

function countPrimes(below: number): number {
  const crossedOut = new Uint8Array(below);
  let count = 0;
  for (let n = 2; n < below; n++) {
    if (crossedOut[n] === 1) continue;
    count++;
    for (let multiple = n * n; multiple < below; multiple += n) crossedOut[multiple] = 1;
  }
  return count;
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number") return String(value);
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}

/** On the worker's own event loop: for what waits, and for what is done sooner than a hop to a thread. Typed as a handler takes its item: the loader calls handlers with whatever the job holds. */
const inline = (handler: HandlerFunction): Handler => Object.assign(handler, { inline: true });

/** The built-in handlers by kind. */
export const BUILTIN_HANDLERS: Readonly<Record<string, Handler>> = {
  double: inline(double),
  echo: inline(echo),
  sleep: inline(sleep),
  fail: alwaysFail,
  primes,
};
