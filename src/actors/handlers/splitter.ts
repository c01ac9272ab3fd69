/** Runs a handler module's splitter: what it yields becomes the records of a file, from where they are shipped. */
import { open } from "node:fs/promises";
import { MusterError } from "../../errors.ts";
import { encodeJson } from "../../protocol/json.ts";
import { shippedLine } from "../../protocol/records/shipped.ts";
import { fail, type HandlerContext, type HandlerFunction } from "./handler.ts";
import type { LoadedHandler, LoadedSplitter } from "./handler-set.ts";

/** Milliseconds that a splitter may take, where it says nothing: an hour. */
export const SPLITTER_TIMEOUT = 3_600_000;
/** Items that it may yield, where it says nothing. */
const MAX_ITEMS = 10_000_000;
/** Characters of records that are written at once. */
const AT_ONCE = 64 * 1024;

/** The splitter of a kind as a handler: takes the job's value, writes the items to `file`, gives back how many. */
export function splitting(handler: LoadedHandler, file: string): LoadedHandler {
  const { kind, source, split } = handler;
  const fn: HandlerFunction =
    split === undefined
      ? () => {
          throw fail(`the handler module of kind "${kind}" exports no "split".`);
        }
      : (value, ctx) => writeItems({ split, file }, value, ctx);
  return { kind, fn, inline: false, source };
}

async function writeItems(
  { split, file }: { split: LoadedSplitter; file: string },
  value: unknown,
  ctx: HandlerContext,
): Promise<number> {
  const { maxItems = MAX_ITEMS } = split;
  const out = await open(file, "w");
  try {
    let items = 0;
    let text = "";
    for await (const item of split.fn(value, ctx)) {
      if (++items > maxItems) throw fail(`it yielded more than ${maxItems} items (its maxItems).`);
      ctx.signal.throwIfAborted();
      text += `${shippedLine(itemText(item))}\n`;
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

/** Another attempt would yield the same. */
function itemText(item: unknown): string {
  try {
    return encodeJson(item);
  } catch (error) {
    throw error instanceof MusterError ? fail(`an item cannot be written as JSON: ${error.message}`) : error;
  }
}
