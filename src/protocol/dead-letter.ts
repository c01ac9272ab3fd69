/** Items that failed for good, each as a message of its own and back. */
import { InvalidBody } from "../errors.ts";
import { type Failure, isFailure } from "./failure.ts";
import { findMember } from "./json.ts";
import type { Encoded, Received } from "./messages.ts";
import { HEADER } from "./names.ts";

const decoder = new TextDecoder();

export interface DeadLetter extends Failure {
  readonly job: string;
  readonly kind: string;
  /** The item, as JSON text; undefined where it was too large to keep. */
  readonly input: string | undefined;
}

export function encodeDeadLetter(letter: DeadLetter): Encoded {
  const { index, code, message, attempts, input } = letter;
  const error = JSON.stringify({ code, message });
  const kept = input === undefined ? "" : `,"input":${input}`;
  return {
    headers: {
      [HEADER.job]: letter.job,
      [HEADER.kind]: letter.kind,
      [HEADER.index]: String(index),
      [HEADER.attempts]: String(attempts),
    },
    data: `{"index":${index},"attempts":${attempts},"error":${error}${kept}}`,
  };
}

/**
 * Reads a dead letter. The input is taken as the text that it is: a number in it may be larger than JavaScript can hold.
 * @throws InvalidBody when the message is not a dead letter
 */
export function decodeDeadLetter(message: Received): DeadLetter {
  const text = decoder.decode(message.data);
  const { index, attempts, error } = parseLetter(text);
  const { code, message: sentence } = error ?? {};
  const failure = { index, code, message: sentence, attempts };
  if (!isFailure(failure)) throw notALetter();
  const { [HEADER.job]: job = "", [HEADER.kind]: kind = "" } = message.headers;
  return { job, kind, ...failure, input: findMember(text, "input") };
}

interface LetterBody {
  index?: unknown;
  attempts?: unknown;
  error?: { code?: unknown; message?: unknown } | null;
}

function parseLetter(text: string): LetterBody {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) return body;
  } catch (cause) {
    throw notALetter(cause);
  }
  throw notALetter();
}

function notALetter(cause?: unknown): InvalidBody {
  return new InvalidBody("The message is not a dead letter.", { cause });
}
