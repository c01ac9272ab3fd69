/** Tells whether a decoder stood an input. */
import { MusterError } from "../../src/errors.ts";
import type { Input, Target } from "./target.ts";

export type Verdict =
  | { type: "valid" }
  /** Refused, with the code of its error. */
  | { type: "refused"; code: string }
  | { type: "finding"; what: string };

const VALID: Verdict = { type: "valid" };
/** Characters that an error's sentence may have: it travels in messages. */
const MAX_SENTENCE = 4_096;

const WATCHED = [Object, Array, Function, String, Number, Promise, Map, Uint8Array].map(
  ({ prototype }): object => prototype,
);
const sizes = () => WATCHED.map((prototype) => Reflect.ownKeys(prototype).length);
const PRISTINE = sizes();

/** Runs the target's check. A promise only where the check gives one. */
export function judge(target: Target, input: Input): Verdict | Promise<Verdict> {
  try {
    const checking = target.check(input);
    return checking === undefined ? unlessPolluted(VALID) : judgeLater(checking);
  } catch (error) {
    return unlessPolluted(verdictOf(error));
  }
}

async function judgeLater(checking: Promise<void>): Promise<Verdict> {
  try {
    await checking;
    return unlessPolluted(VALID);
  } catch (error) {
    return unlessPolluted(verdictOf(error));
  }
}

function unlessPolluted(verdict: Verdict): Verdict {
  for (const [at, prototype] of WATCHED.entries()) {
    if (Reflect.ownKeys(prototype).length === PRISTINE[at]) continue;
    return { type: "finding", what: `a prototype was changed: ${String(Reflect.ownKeys(prototype).at(-1))}` };
  }
  return verdict;
}

function verdictOf(error: unknown): Verdict {
  if (!(error instanceof MusterError)) return { type: "finding", what: shown(error) };
  if (error.code === "unexpected") return { type: "finding", what: `not typed: ${shown(error.cause)}` };
  const { code, message } = error;
  const isFit = /^[a-z_]+$/.test(code) && message.length > 0 && message.length <= MAX_SENTENCE;
  return isFit
    ? { type: "refused", code }
    : { type: "finding", what: `a sentence of ${message.length} characters (${code})` };
}

function shown(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\n${shown(error.cause)}`;
  return (error.stack ?? error.message).slice(0, 2_000) + cause;
}
