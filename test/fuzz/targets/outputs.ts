/** What handlers return, promise and throw: whatever it is, its item is settled once, and its neighbours as if it were not there. */
import fc from "fast-check";
import type { HandlerFunction } from "../../../src/actors/handlers/handler.ts";
import { HandlerSet } from "../../../src/actors/handlers/handler-set.ts";
import type { PassRequest, PassResult } from "../../../src/actors/handlers/pass.ts";
import { type PassHooks, runPass } from "../../../src/actors/handlers/run-pass.ts";
import { parseReduce, reducerFor } from "../../../src/domain/reducers/index.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { REDUCTIONS } from "../arbitraries.ts";
import { Recipe } from "../recipe.ts";
import { Broken, bytesOf, mustBeSame, mustHold, partOf, type Target } from "../target.ts";

/** The item whose handler is hostile; its neighbours' give `good`. */
const HOSTILE = 1;
const ITEMS = 3;

/** Timeouts come at the next turn of the event loop: nothing that a handler promises may be waited for. */
const hasty = {
  ...systemClock,
  monotonic: () => 0,
  after: (_ms: number, run: () => void) => {
    const turn = setImmediate(run);
    return { cancel: () => clearImmediate(turn) };
  },
};

const HOOKS: PassHooks = {
  ...{ worker: "w", clock: hasty, signal: new AbortController().signal },
  stopped: () => false,
  began: () => {},
  ended: () => {},
  log: () => {},
};

type Way = (value: unknown) => unknown;

const THEN = "then";

function thenable(then: unknown): object {
  return Object.defineProperty({}, THEN, { value: then });
}

type Settle = (value: unknown) => void;

/** How a value comes out of a handler. */
const WAYS: readonly Way[] = [
  (value) => value,
  thrown,
  (value) => Promise.resolve(value),
  (value) => Promise.reject(value),
  () => new Promise(() => {}),
  (value) => thenable((resolve: Settle) => resolve(value)),
  (value) => thenable((_: Settle, reject: Settle) => reject(value)),
  (value) => thenable(() => thrown(value)),
  (value) =>
    thenable((resolve: Settle, reject: Settle) => {
      resolve(value);
      reject(value);
      resolve(value);
      thrown(value);
    }),
  (value) => thenable(() => value),
  (value) => thenable(value),
  (value) => Object.defineProperty({}, THEN, { get: () => thrown(value) }),
];

function thrown(value: unknown): never {
  throw value;
}

function hostile(recipe: Recipe): unknown {
  const way = WAYS[recipe.next(WAYS.length)] ?? WAYS[0];
  return way?.(recipe.value());
}

function single(recipe: Recipe, good: unknown): HandlerFunction {
  return (item) => (item === HOSTILE ? hostile(recipe) : good);
}

/** The hostile one among others. */
function batch(recipe: Recipe, good: unknown): HandlerFunction {
  return (items) =>
    (items as number[]).map((item) => (item === HOSTILE ? notThrown(() => hostile(recipe)) : good));
}

function notThrown(make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    return Promise.reject(error);
  }
}

async function passOf(
  fn: HandlerFunction,
  reduce: PassRequest["reduce"],
  isBatch: boolean,
): Promise<PassResult> {
  const handler = { kind: "k", fn, inline: true, batch: isBatch, source: "fuzz" };
  const handlers = new HandlerSet({ files: [], overrides: [], handlers: [handler] });
  const inputs = { type: "range", start: 0, step: 1, count: ITEMS } as const;
  const request = { job: "j", kind: "k", from: 0, count: ITEMS, inputs, reduce, timeout: 1 };
  try {
    return await runPass(request, handlers, HOOKS);
  } catch (error) {
    throw new Broken("the whole pass failed", { cause: error });
  }
}

function checkResult(result: PassResult, reduce: PassRequest["reduce"]): void {
  const { pieces, failures, notRun } = structuredClone(result);
  const counted = pieces.reduce((sum, { count }) => sum + count, 0);
  mustHold(counted + failures.length + notRun.length === ITEMS, "an item is settled twice, or not at all");
  mustHold(notRun.length === 0, "an item was not run");
  mustHold(new Set(failures.map(({ index }) => index)).size === failures.length, "an item failed twice");
  for (const { code, message } of failures)
    mustHold(
      /^[a-z_]+$/.test(code) && typeof message === "string" && message !== "",
      "a failure without words",
    );
  for (const { partial } of pieces) mustHold(isReadable(partial, reduce), "a partial that nobody can read");
}

/** Ordered partials are never parsed, but joined as text: any integer may stand in them. */
function isReadable(partial: string, reduce: PassRequest["reduce"]): boolean {
  const reducer = reducerFor(reduce);
  try {
    if (reducer.ordered) JSON.parse(partial);
    else reducer.decode(partial);
    return true;
  } catch {
    return false;
  }
}

function outputsTarget(name: string, isBatch: boolean): Target {
  return {
    name,
    corpus: fc.uint8Array({ minLength: 1, maxLength: 24 }).map((recipe) => ({ recipe: partOf(recipe) })),
    async check({ recipe: bytes }) {
      const recipe = new Recipe(bytesOf(bytes));
      const [reduce, [good]] = REDUCTIONS[recipe.next(REDUCTIONS.length)] ?? REDUCTIONS[0];
      const spec = parseReduce(reduce);
      // What a batch handler returns for all of its items may be hostile as well: then none has neighbours.
      const isWhole = isBatch && recipe.next(8) === 0;
      const one = isBatch ? batch(recipe, good) : single(recipe, good);
      const result = await passOf(isWhole ? () => hostile(recipe) : one, spec, isBatch);
      checkResult(result, spec);
      if (!isWhole) await checkNeighbours(result, spec, good);
    },
  };
}

/** Where the hostile item failed, the others came out as if it had failed in the plainest way. */
async function checkNeighbours(
  result: PassResult,
  reduce: PassRequest["reduce"],
  good: unknown,
): Promise<void> {
  if (!result.failures.some(({ index }) => index === HOSTILE)) return;
  const plain = (item: unknown) => (item === HOSTILE ? new Error("plain") : good);
  const thrower = (item: unknown) => {
    const output = plain(item);
    if (output instanceof Error) throw output;
    return output;
  };
  const expected = await passOf(thrower, reduce, false);
  mustBeSame(result.pieces, expected.pieces, "the neighbours came out otherwise");
}

export const OUTPUTS: readonly Target[] = [
  outputsTarget("output", false),
  outputsTarget("batch-output", true),
];
