/** `--raw`: outputs of bytes as they are. */
import { InvalidOption } from "../../errors.ts";
import { bytesOfText } from "../../protocol/binary.ts";
import { elementTexts } from "../../protocol/records/json-array.ts";
import { type Sink, writeData } from "./output.ts";

export const RAW_TEXT =
  "write outputs that are bytes as they are, one after the other, and others as lines of JSON";

/** @throws InvalidOption where the result goes out in another form */
export function checkRaw(options: {
  raw?: boolean;
  json?: boolean;
  receipt?: boolean;
  output?: string;
}): void {
  if (options.raw !== true) return;
  for (const other of ["json", "receipt", "output"] as const) {
    if (options[other] !== undefined) throw new InvalidOption("--raw", `it does not go with --${other}.`);
  }
}

/** An output as it is written; one that is null, as of an item that failed, leaves nothing. */
export function rawOf(text: string): Uint8Array {
  return bytesOfText(text) ?? Buffer.from(text === "null" ? "" : `${text}\n`);
}

/** Writes a result: of an array each element, never whole in memory. */
export async function writeRaw(sink: Sink, result: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const texts of textsOf(result)) {
    for (const text of texts) if (!(await writeData(sink, rawOf(text)))) return;
  }
}

const OPENING_BRACKET = "[".charCodeAt(0);

/** The texts of an array's elements, or that of a result which is none. */
async function* textsOf(result: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  const parts = result[Symbol.asyncIterator]();
  const first = await parts.next();
  if (first.done === true) return;
  const all = behind(first.value, parts);
  if (first.value[0] === OPENING_BRACKET) return yield* elementTexts(all);
  const whole: Uint8Array[] = [];
  for await (const part of all) whole.push(part);
  yield [Buffer.concat(whole).toString("utf8")];
}

async function* behind(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
