/** How an error is shown: one sentence, its code, and no stack unless it is asked for. */
import { messageOf, toMusterError } from "../../errors.ts";

/** `muster: <message> [<code>]`, with the stack below it where `verbose`. */
export function renderError(error: unknown, { verbose }: { verbose: boolean }): string {
  const { code } = toMusterError(error);
  const line = `muster: ${printable(messageOf(error))} [${code}]\n`;
  return verbose ? `${line}${printable(stackOf(error))}\n` : line;
}

/** What commander says of a wrong command line, in our form. */
export function renderUsageError(text: string): string {
  const [first = "", ...more] = text.trim().split("\n");
  const hint = more.join(" ").trim();
  const sentence = first.replace(/^error: /, "");
  return `muster: ${printable([sentence, hint].filter((part) => part !== "").join(" "))} [usage]\n`;
}

/** Control characters, as a name or a body may hold them, must not reach the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) =>
    character === "\n" ? character : escaped(character),
  );
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  const { cause } = error;
  return cause === undefined ? stack : `${stack}\ncaused by: ${stackOf(cause)}`;
}
