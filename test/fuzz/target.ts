/** What is fuzzed: something that decodes, valid inputs for it, and what must hold of what it makes of any other. */
import { isDeepStrictEqual } from "node:util";
import type fc from "fast-check";
import { encodeHeaders, parseHeaderBlock } from "../../src/broker/jetstream/headers.ts";
import type { Encoded, Received } from "../../src/protocol/messages.ts";

/**
 * The parts of an input by name. Each is bytes, one a character (latin1), so that any input can be mutated, made smaller
 * and written to a file without knowing what it means.
 */
export type Input = Readonly<Record<string, string>>;

export interface Target {
  readonly name: string;
  /** Valid inputs: the others are made of them. */
  readonly corpus: fc.Arbitrary<Input>;
  /**
   * Decodes the input, and checks what came of it.
   * @throws MusterError where the input is refused; anything else that is thrown is a finding
   */
  check(input: Input): void | Promise<void>;
}

/** What must hold does not. */
export class Broken extends Error {}

export function mustHold(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Broken(otherwise);
}

/** Compares as JSON does: -0 is 0 there, and what is undefined is not there. */
export function mustBeSame(after: unknown, before: unknown, what: string): void {
  if (isDeepStrictEqual(after, before)) return;
  const [found, expected] = [JSON.stringify(after), JSON.stringify(before)];
  mustHold(found === expected, `${what}: ${found?.slice(0, 300)} instead of ${expected?.slice(0, 300)}`);
}

export function bytesOf(part = ""): Buffer {
  return Buffer.from(part, "latin1");
}

/** The text that the bytes are, as every decoder of UTF-8 has it: what is none becomes U+FFFD. */
export function textOf(part = ""): string {
  return bytesOf(part).toString("utf8");
}

export function partOf(text: string | Uint8Array): string {
  return Buffer.from(typeof text === "string" ? Buffer.from(text) : text).toString("latin1");
}

/** A message as an input: headers as they stand on the wire. */
export function inputOf({ headers, data }: Encoded, subject = "muster.x.job"): Input {
  return { subject, headers: partOf(encodeHeaders(headers).bytes), data: partOf(data) };
}

export function messageOf({ subject, headers, data }: Input): Received {
  return { subject: textOf(subject), headers: parseHeaderBlock(textOf(headers)), data: bytesOf(data) };
}

/** As a broker would deliver it. */
export function delivered(encoded: Encoded): Received {
  return messageOf(inputOf(encoded));
}
