/** Bytes among JSON: `{"$bytes":"BASE64"}` stands for them in items and outputs; handlers are given and return a Uint8Array. */

const KEY = "$bytes";
const TEXT = /^\{"\$bytes":"([A-Za-z0-9+/]*={0,2})"\}$/;
/** A result that is one output of bytes. */
const SINGLE = /^\[\{"\$bytes":"([A-Za-z0-9+/]*={0,2})"\}\]$/;

/** What messages of bytes say in their header `Content-Type`. */
export const BINARY_TYPE = "application/octet-stream";
const BINARY_TYPES = /^(application\/octet-stream|image\/|audio\/|video\/)/i;

/** Whether a message's body is bytes: one item, as it is. */
export function isBinary(headers: Readonly<Record<string, string>>): boolean {
  for (const name in headers) {
    if (name.toLowerCase() === "content-type") return BINARY_TYPES.test(headers[name] ?? "");
  }
  return false;
}

/** The JSON text that stands for bytes. */
export function bytesText(bytes: Uint8Array): string {
  return `{"${KEY}":"${toBase64(bytes)}"}`;
}

/** The item as its handler is given it. */
export function unwrapBytes(item: unknown): unknown {
  if (typeof item !== "object" || item === null || !(KEY in item)) return item;
  const text = item[KEY];
  if (typeof text !== "string" || Object.keys(item).length > 1) return item;
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** The output as JSON holds it. */
export function wrapBytes(output: unknown): unknown {
  return typeof output === "object" && output instanceof Uint8Array ? { [KEY]: toBase64(output) } : output;
}

/** The bytes that a JSON text stands for, if it does. */
export function bytesOfText(text: string): Uint8Array | undefined {
  return bytesOf(TEXT, text);
}

/** The bytes that are a result's one output, if they are. */
export function bytesOfResult(text: string): Uint8Array | undefined {
  return bytesOf(SINGLE, text);
}

function bytesOf(pattern: RegExp, text: string): Uint8Array | undefined {
  const base64 = pattern.exec(text)?.[1];
  return base64 === undefined ? undefined : new Uint8Array(Buffer.from(base64, "base64"));
}

function toBase64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}
