/** Runs a handler module's splitter: what it yields becomes the records of a file, from where they are shipped. */
import { open } from "node:fs/promises";
import { InvalidChunk, MusterError } from "../../errors.ts";
import { encodeJson } from "../../protocol/json.ts";
import { shippedLine } from "../../protocol/records/shipped.ts";
import { chunk, isChunk } from "./chunk.ts";
import { fail, type HandlerContext, type HandlerFunction } from "./handler.ts";
import type { LoadedHandler, LoadedSplitter } from "./handler-set.ts";
import type { SplitTarget } from "./pass.ts";

/** Milliseconds that a splitter may take, where it says nothing: an hour. */
export const SPLITTER_TIMEOUT = 3_600_000;
/** Items that it may yield, where it says nothing. */
const MAX_ITEMS = 10_000_000;
/** Characters of records that are written at once. */
const AT_ONCE = 64 * 1024;

/** The splitter of a kind as a handler: takes the job's value, writes the items to a file, gives back how many. */
export function splitting(handler: LoadedHandler, target: SplitTarget): LoadedHandler {
  const { kind, source, split } = handler;
  const fn: HandlerFunction =
    split === undefined
      ? () => {
          throw fail(`the handler module of kind "${kind}" exports no "split".`);
        }
      : (value, ctx) => writeItems({ split, target }, value, ctx);
  return { kind, fn, inline: false, source };
}

async function writeItems(
  { split, target }: { split: LoadedSplitter; target: SplitTarget },
  value: unknown,
  ctx: HandlerContext,
): Promise<number> {
  const { maxItems = MAX_ITEMS } = split;
  const out = await open(target.file, "w");
  try {
    let items = 0;
    let text = "";
    for await (const made of split.fn(value, ctx)) {
      items += isChunk(made) ? made.items.length : 1;
      if (items > maxItems) throw fail(`it yielded more than ${maxItems} items (its maxItems).`);
      ctx.signal.throwIfAborted();
      text += isChunk(made) ? chunkLines(made.items, target.maxChunkBytes) : itemLine(made);
      if (text.length < AT_ONCE) continue;
      await out.write(text);
      text = "";
    }
    await out.write(text);
    return items;
  } finally {
    await out.close();
  }
}

function itemLine(item: unknown): string {
  return `${shippedLine(itemText(item))}\n`;
}

/** A chunk's mark, and its items. @throws InvalidChunk where they do not fit into a message */
function chunkLines(given: readonly unknown[], maxBytes: number): string {
  const { items } = chunk(given); // Another version of muster may have made it.
  let text = `${shippedLine({ chunk: items.length })}\n`;
  let bytes = 0;
  for (const item of items) {
    const line = itemLine(item);
    bytes += Buffer.byteLength(line);
    if (bytes > maxBytes)
      throw new InvalidChunk(
        `A chunk of ${items.length} items is larger than a message may be (${maxBytes} bytes).`,
      );
    text += line;
  }
  return text;
}

/** Another attempt would yield the same. */
function itemText(item: unknown): string {
  try {
    return encodeJson(item);
  } catch (error) {
    throw error instanceof MusterError ? fail(`an item cannot be written as JSON: ${error.message}`) : error;
  }
}
