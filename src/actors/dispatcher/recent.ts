/** The newest outcomes, read from the end of their stream. */
import { decodeOutcome, type Outcome } from "../../protocol/outcome.ts";
import type { ActorContext } from "../context.ts";
import { readThrough } from "../read-through.ts";

/** Between two outcomes lie checkpoints; so many sequences are looked through for each outcome that is wanted. */
const SPREAD = 20;

/** The newest `limit` outcomes, newest first; their bodies are not read. */
export async function recentOutcomes(context: ActorContext, limit: number): Promise<Outcome[]> {
  const { broker, names } = context;
  const stream = names.stream("outcomes");
  const newest = await broker.last(stream, names.outcome("*"));
  if (newest === undefined) return [];
  const fromSeq = Math.max(1, newest.seq - limit * SPREAD);
  const messages = await readThrough(context, {
    stream,
    filter: names.outcome("*"),
    fromSeq,
    headersOnly: true,
  });
  return messages.slice(-limit).reverse().map(decodeOutcome);
}
