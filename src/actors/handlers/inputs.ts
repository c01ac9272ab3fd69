/** Reads the items of a chunk. */
import { InvalidBody } from "../../errors.ts";
import { parseJson, splitArray } from "../../protocol/json.ts";
import type { Inputs, PassRequest } from "./pass.ts";

const decoder = new TextDecoder();

/** The items of a chunk, by offset. */
export interface ItemSource {
  item(offset: number): unknown;
  /** The item as JSON text, as it was sent: a handler may have changed the value since. */
  text(offset: number): string | undefined;
}

/**
 * Reads a chunk's inputs.
 * @throws InvalidJson, UnsafeNumber, ForbiddenKey, or InvalidBody where they are not an array of `count` items
 */
export function readInputs({ inputs, count }: Pick<PassRequest, "inputs" | "count">): ItemSource {
  return inputs.type === "range" ? rangeSource(inputs) : listSource(textOf(inputs.json), count);
}

/** The text of one item of inputs that could be read elsewhere. */
export function inputText({ inputs }: Pick<PassRequest, "inputs">, offset: number): string | undefined {
  if (inputs.type === "range") return rangeSource(inputs).text(offset);
  return splitArray(textOf(inputs.json))[offset];
}

function rangeSource({ start, step }: Extract<Inputs, { type: "range" }>): ItemSource {
  const item = (offset: number) => start + offset * step;
  return { item, text: (offset) => String(item(offset)) };
}

function listSource(text: string, count: number): ItemSource {
  const items = parseJson(text);
  if (!Array.isArray(items) || items.length !== count) {
    const found = Array.isArray(items) ? `${items.length} items` : "no array";
    throw new InvalidBody(`A chunk of ${count} items holds ${found}.`);
  }
  let texts: readonly string[] | undefined;
  return {
    item: (offset) => items[offset],
    text: (offset) => {
      texts ??= splitArray(text);
      return texts[offset];
    },
  };
}

function textOf(json: Uint8Array | string): string {
  return typeof json === "string" ? json : decoder.decode(json);
}
