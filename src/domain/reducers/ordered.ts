/**
 * `collect` and `concat`, whose result follows the order of the items. A chunk's partial is JSON text, and the result is
 * the partials in order, joined as text: the aggregator never parses an output, however many there are.
 */
import { InvalidBody, ReducerMismatch } from "../../errors.ts";
import { encodeJson, parseState } from "../../protocol/json.ts";
import { describe, mustHold, readState } from "./outputs.ts";
import type { Reducer } from "./reducer.ts";

export type OrderedName = "collect" | "concat";

/** Array elements, or a string's characters; undefined until something told which. */
type Shape = "array" | "string" | undefined;

/** The partial of a `concat` that has seen no output yet, which is neither an array nor a string. */
const NOTHING = "null";

const OPENING = { array: "[", string: '"' } as const;
const CLOSING = { array: "]", string: '"' } as const;

interface Part {
  readonly shape: Shape;
  /** What stands between the brackets or quotes. */
  readonly inside: string;
}

/** Joins partials piece by piece, so that a result of any size can be written as it grows. */
export class OrderedJoin {
  readonly #name: OrderedName;
  #shape: Shape;
  #isEmpty = true;

  constructor(name: OrderedName) {
    this.#name = name;
    this.#shape = name === "collect" ? "array" : undefined;
  }

  /**
   * Takes the next partial, in item order, and gives the text to append to the result.
   *
   * @throws ReducerMismatch when arrays and strings are mixed.
   * @throws InvalidBody when the text is no partial; only its two ends are looked at.
   */
  push(partial: string): string {
    const { shape, inside } = partOf(this.#name, partial);
    this.#shape = agree(this.#shape, shape);
    if (inside === "" || this.#shape === undefined) return "";
    const before = this.#isEmpty ? OPENING[this.#shape] : separator(this.#shape);
    this.#isEmpty = false;
    return before + inside;
  }

  /** The text that ends the result; without any partial the result is `[]`. */
  end(): string {
    const shape = this.#shape ?? "array";
    return (this.#isEmpty ? OPENING[shape] : "") + CLOSING[shape];
  }
}

/**
 * A chunk's partial, made of its outputs' JSON texts in item order.
 *
 * @example partialOf("collect", ["1", "[2]"]) // '[1,[2]]'
 * @example partialOf("concat", ["[1,2]", "[3]"]) // '[1,2,3]'
 */
export function partialOf(name: OrderedName, texts: readonly string[]): string {
  if (name === "collect") return `[${texts.join(",")}]`;
  const state = newState(name);
  for (const text of texts) addText(state, text);
  return textOf(state);
}

/**
 * The result: partials joined in the order given.
 *
 * @example joinPartials("collect", ["[1]", "[]", "[2,3]"]) // '[1,2,3]'
 */
export function joinPartials(name: OrderedName, partials: Iterable<string>): string {
  const join = new OrderedJoin(name);
  const pieces: string[] = [];
  for (const partial of partials) pieces.push(join.push(partial));
  pieces.push(join.end());
  return pieces.join("");
}

function partOf(name: OrderedName, partial: string): Part {
  const text = partial.trim();
  if (name === "concat" && text === NOTHING) return { shape: undefined, inside: "" };
  const shape = shapeOf(text);
  if (shape === "array") return { shape, inside: text.slice(1, -1).trim() };
  if (shape === "string" && name === "concat") return { shape, inside: text.slice(1, -1) };
  throw new InvalidBody(`Not a partial of reducer "${name}": ${text.slice(0, 30)}`);
}

function shapeOf(text: string): Shape {
  if (text.length < 2) return undefined;
  if (text.startsWith("[") && text.endsWith("]")) return "array";
  return text.startsWith('"') && text.endsWith('"') ? "string" : undefined;
}

function agree(known: Shape, next: Shape): Shape {
  if (known !== undefined && next !== undefined && known !== next) {
    throw new ReducerMismatch(
      "concat",
      "arrays or strings, not both",
      `${article(next)} beside ${article(known)}`,
    );
  }
  return known ?? next;
}

function article(shape: "array" | "string"): string {
  return shape === "array" ? "an array" : "a string";
}

function separator(shape: "array" | "string"): string {
  return shape === "array" ? "," : "";
}

// ── the reducers ───────────────────────────────────────────────────────────────────────────────────────────────

/** The outputs so far, as text without the outer brackets or quotes; empty pieces are left out. */
export interface OrderedState {
  shape: Shape;
  readonly pieces: string[];
}

function newState(name: OrderedName): OrderedState {
  return { shape: name === "collect" ? "array" : undefined, pieces: [] };
}

function addText(state: OrderedState, text: string): void {
  addPart(state, partOf("concat", text));
}

function addPart(state: OrderedState, { shape, inside }: Part): void {
  state.shape = agree(state.shape, shape);
  if (inside !== "") state.pieces.push(inside);
}

function textOf({ shape, pieces }: OrderedState): string {
  if (shape === undefined) return NOTHING;
  return OPENING[shape] + pieces.join(separator(shape)) + CLOSING[shape];
}

function ordered(name: OrderedName, step: Reducer<OrderedState>["step"]): Reducer<OrderedState> {
  return {
    name,
    ordered: true,
    init: () => newState(name),
    step,
    combine: joinStates,
    // Big integers inside outputs are rounded here; the text of the partials keeps them.
    finish: (state) => (state.shape === undefined ? [] : parseState(textOf(state))),
    encode: textOf,
    decode: (text) => readState(name, text, (value) => decoded(name, text, value)),
  };
}

function joinStates(a: OrderedState, b: OrderedState): OrderedState {
  a.shape = agree(a.shape, b.shape);
  for (const piece of b.pieces) a.pieces.push(piece);
  return a;
}

function decoded(name: OrderedName, text: string, value: unknown): OrderedState {
  const isText = name === "concat" && (value === null || typeof value === "string");
  mustHold(isText || Array.isArray(value), "it is an array, or a string of concat");
  const state = newState(name);
  addPart(state, partOf(name, text));
  return state;
}

/** All outputs, in item order. */
export const collect = ordered("collect", (state, output) => {
  state.pieces.push(encodeJson(output));
  return state;
});

/** Arrays flattened by one level, or strings joined, in item order. */
export const concat = ordered("concat", (state, output) => {
  const text = encodeJson(output);
  if (shapeOf(text) === undefined) throw new ReducerMismatch("concat", "arrays or strings", describe(output));
  addText(state, text);
  return state;
});
