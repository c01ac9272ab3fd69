/** The handler module of the demonstration: what a user's own module looks like, compiled. */
import { countWords } from "./words.ts";

/** Takes the text of a mail; gives how often each word stands in it. */
export function wordcount(mail: string): Record<string, number> {
  return Object.fromEntries(countWords(mail));
}
