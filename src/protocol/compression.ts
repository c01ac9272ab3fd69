/**
 * Large bodies, compressed where the fleet's setting asks for it: of tasks, of results, and of jobs from our own clients. Whoever
 * reads a message goes by its header alone, so that a setting may change, and a job that was compressed elsewhere is one.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { InvalidBody } from "../errors.ts";
import type { Received } from "./messages.ts";
import { HEADER } from "./names.ts";

export const COMPRESSIONS = ["none", "gzip"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Bytes of a body below which compressing it costs more than it saves. */
const LEAST_BYTES = 64 * 1024;
/** The fastest: what a higher level saves besides is little, and costs several times as much. */
const LEVEL = 1;
/** Bytes that the header takes. */
const HEADER_BYTES = 32;

/** A message on its way to a stream. */
interface Outgoing {
  readonly headers?: Record<string, string>;
  readonly data?: string | Uint8Array;
}

/** The message as it is to be stored: as it is, unless compressing makes it smaller. */
export function compressed<M extends Outgoing>(message: M, how: Compression = "none"): M {
  const { data = "", headers } = message;
  if (how === "none" || Buffer.byteLength(data) < LEAST_BYTES) return message;
  const small = gzipSync(data, { level: LEVEL });
  if (small.length + HEADER_BYTES >= Buffer.byteLength(data)) return message;
  return { ...message, data: small, headers: { ...headers, [HEADER.contentEncoding]: "gzip" } };
}

/**
 * The message as it was before it was compressed, if it was.
 *
 * @param limit bytes that a body may have: as many as an uncompressed message, so that nothing need hold more than that
 * @throws InvalidBody where it does not inflate, inflates to more, or is compressed in a way that is not known
 */
export function inflated(message: Received, limit: number): Received {
  const name = encodingHeader(message.headers);
  if (name === undefined) return message;
  const { [name]: encoding = "", ...headers } = message.headers;
  const { subject } = message;
  if (encoding.toLowerCase() === "gzip") return { subject, headers, data: inflate(message.data, limit) };
  throw invalid(`is compressed with "${encoding.slice(0, 32)}", and only gzip is known.`);
}

/** Header names are read in any case. */
function encodingHeader(headers: Received["headers"]): string | undefined {
  const { length } = HEADER.contentEncoding;
  for (const name in headers) {
    if (name.length === length && name.toLowerCase() === HEADER.contentEncoding.toLowerCase()) return name;
  }
  return undefined;
}

function inflate(data: Uint8Array, limit: number): Uint8Array {
  try {
    return gunzipSync(data, { maxOutputLength: limit });
  } catch (cause) {
    const isTooLarge = (cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw invalid(
      isTooLarge
        ? `inflates to more than ${limit} bytes, which no message may have.`
        : "is no whole gzip data.",
      cause,
    );
  }
}

function invalid(reason: string, cause?: unknown): InvalidBody {
  return new InvalidBody(`The message's body ${reason}`, { path: HEADER.contentEncoding, cause });
}
