/** Makes an input smaller that something was found with. */
import type { Input } from "./target.ts";

/** Tries at most; some are slow, as nothing is known of what was found. */
const MAX_TRIES = 3_000;

/** The smallest input that was met on the way down for which `fails` still says so. */
export async function shrunk(input: Input, fails: (input: Input) => Promise<boolean>): Promise<Input> {
  let best = input;
  let tries = 0;
  for (let again = true; again; ) {
    again = false;
    for (const smaller of candidates(best)) {
      if (++tries > MAX_TRIES) return best;
      if (!(await fails(smaller))) continue;
      best = smaller;
      again = true;
      break;
    }
  }
  return best;
}

/** Without a part, then without a run of bytes of one: the longest first. */
function* candidates(input: Input): Generator<Input> {
  for (const name of Object.keys(input)) {
    const { [name]: _, ...rest } = input;
    yield rest;
  }
  for (const [name, text] of Object.entries(input)) {
    for (let length = text.length; length >= 1; length = Math.floor(length / 2)) {
      for (let at = 0; at < text.length; at += length)
        yield { ...input, [name]: text.slice(0, at) + text.slice(at + length) };
    }
  }
}
