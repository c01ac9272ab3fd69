/** Anything that JavaScript can return, made from bytes: so that hostile values can be mutated, made smaller and kept. */
import { fail, retryAfter } from "../../src/actors/handlers/handler.ts";

/** Values nest no deeper than this, those apart that are about depth. */
const MAX_DEPTH = 5;
const KEYS = ["a", "b", "__proto__", "constructor", "toJSON", "then", "length", "message", "0", ""];

export class Recipe {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** Objects that are being made: what is circular refers to one of them. */
  readonly #open: object[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next byte as a number below `limit`; 0 once there is none. */
  next(limit: number): number {
    return (this.#bytes[this.#at++] ?? 0) % limit;
  }

  value(depth = 0): unknown {
    const makers = depth < MAX_DEPTH ? ALL : LEAVES;
    return makers[this.next(makers.length)]?.(this, depth);
  }

  array(depth: number): unknown[] {
    const values: unknown[] = [];
    this.#open.push(values);
    for (let left = this.next(4); left > 0; left--) values.push(this.value(depth + 1));
    this.#open.pop();
    return values;
  }

  object(depth: number): object {
    const made = {};
    this.#open.push(made);
    for (let left = this.next(4); left > 0; left--) {
      const key = KEYS[this.next(KEYS.length)] ?? "";
      Object.defineProperty(made, key, { ...OWN, value: this.value(depth + 1) });
    }
    this.#open.pop();
    return made;
  }

  circular(): unknown {
    return this.#open[this.next(Math.max(1, this.#open.length))];
  }
}

type Maker = (recipe: Recipe, depth: number) => unknown;

const OWN = { enumerable: true, configurable: true, writable: true };

function boom(): never {
  throw new Error("boom");
}

/** Refuses to be looked at in any way. */
function suspicious(): object {
  const traps = new Proxy({}, { get: () => boom });
  return new Proxy({}, traps);
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function withGetter(key: string): object {
  return Object.defineProperty({}, key, { enumerable: true, get: boom });
}

function oddError(message: unknown): Error {
  return Object.defineProperty(new Error("odd"), "message", { ...OWN, value: message });
}

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

const LEAVES: readonly Maker[] = [
  () => undefined,
  () => null,
  (recipe) => [0, -0, 1.5, NaN, Infinity, -Infinity, 2 ** 53, 1e308, -1][recipe.next(9)],
  (recipe) => ["", "text", "\ud800", "\u0000", "__proto__", "x".repeat(70_000), "null"][recipe.next(7)],
  (recipe) => [0n, -5n, 2n ** 64n, 10n ** 400n][recipe.next(4)],
  (recipe) => recipe.next(2) === 0,
  (recipe) => [Symbol("s"), Symbol.iterator][recipe.next(2)],
  (recipe) => [() => 1, class {}, boom, Object, async () => {}][recipe.next(5)],
  (recipe) =>
    [new Date(0), new Date(NaN), /x/, new Map([[1, 2]]), new Set([1]), new WeakMap()][recipe.next(6)],
  (recipe) =>
    [new Uint8Array(3), new Float64Array([NaN]), new ArrayBuffer(8), Buffer.from("x")][recipe.next(4)],
  (recipe) =>
    [new BigInt64Array(2), new DataView(new ArrayBuffer(2)), new SharedArrayBuffer(2)][recipe.next(3)],
  suspicious,
  revoked,
  (recipe) => withGetter(KEYS[recipe.next(KEYS.length)] ?? ""),
  () => Object.create(null),
  (recipe) => [Object(1), Object("x"), Object(1n), Object(Symbol("s")), Object(true)][recipe.next(5)],
  (recipe) => deep([990, 1_010, 6_000][recipe.next(3)] ?? 0),
  // biome-ignore lint/suspicious/noSparseArray: that is the point
  (recipe) => [[, 1], new Array(5_000)][recipe.next(2)],
  (recipe) => recipe.circular(),
  () => globalThis,
  (recipe) => [fail("no"), retryAfter(NaN), retryAfter(1e300)][recipe.next(3)],
  (recipe) =>
    [new Error("plain"), new TypeError(""), oddError(5), oddError(null), oddError(Symbol("s"))][
      recipe.next(5)
    ],
  () => ({ [Symbol.for("muster.steer")]: { type: "retry-after", ms: "soon" } }),
  () => ({ [Symbol.toPrimitive]: boom, toString: boom }),
];

const NESTED: readonly Maker[] = [
  (recipe, depth) => recipe.array(depth),
  (recipe, depth) => recipe.object(depth),
  (recipe, depth) => ({ toJSON: () => recipe.value(depth + 1) }),
  (recipe, depth) => oddError(recipe.value(depth + 1)),
  (recipe, depth) => new Proxy(recipe.object(depth), {}),
  (recipe, depth) => Object.create(recipe.object(depth)),
];

const ALL: readonly Maker[] = [...NESTED, ...NESTED, ...LEAVES];
