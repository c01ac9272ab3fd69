/** Dead letters: reading them, and handing in their items once more. */
import type { StreamMessage } from "../broker/port.ts";
import { InputNotKept, UnknownJob } from "../errors.ts";
import { type DeadLetter, decodeDeadLetter } from "../protocol/dead-letter.ts";
import type { ActorContext } from "./context.ts";
import { readThrough } from "./read-through.ts";
import { submitRecords } from "./submit.ts";

/** A dead letter as the stream holds it. */
export interface DeadLetterView extends DeadLetter {
  /** Its sequence in the stream. */
  seq: number;
  /** When it was stored, in milliseconds since 1970. */
  time: number;
}

/** The job that has the failed items of another. */
export interface Redriven {
  job: string;
  items: number;
  /** Letters that stay, as their inputs were too large to be kept. */
  kept: number;
}

/** Dead letters, oldest first; of one job or of all. */
export async function readDeadLetters(context: ActorContext, job?: string): Promise<DeadLetterView[]> {
  const { names } = context;
  const filter = names.dead("*", job ?? "*");
  const messages = await readThrough(context, { stream: names.stream("dead"), filter });
  return messages.map(letterOf);
}

/**
 * Submits the failed items of a job again, as a new job, and removes their dead letters. The new job's id follows from the
 * letters, so that asking twice makes one job, unless the options have a key.
 * @throws UnknownJob where there is no letter, InputNotKept where no letter has its input
 */
export async function redrive(
  context: ActorContext,
  job: string,
  options: Readonly<Record<string, string | number>> = {},
): Promise<Redriven> {
  const letters = await readDeadLetters(context, job);
  const whole = letters.filter(({ input }) => input !== undefined).sort((a, b) => a.index - b.index);
  const [first] = whole;
  if (first === undefined)
    throw letters.length === 0 ? new UnknownJob(job) : new InputNotKept(job, letters.length);
  const records = whole.map(({ input }) => input ?? "null");
  const key = `retry of ${job}, letters up to ${Math.max(...whole.map(({ seq }) => seq))}`;
  const again = await submitRecords(context, { kind: first.kind, records, options: { key, ...options } });
  await removeLetters(context, whole);
  return { job: again, items: records.length, kept: letters.length - whole.length };
}

/** Only these: letters that came meanwhile, or that cannot be submitted again, stay. */
async function removeLetters(
  { broker, names }: ActorContext,
  letters: readonly DeadLetterView[],
): Promise<void> {
  const stream = names.stream("dead");
  await Promise.all(letters.map(({ seq }) => broker.remove(stream, seq)));
}

function letterOf(message: StreamMessage): DeadLetterView {
  const { seq, time } = message;
  return { ...decodeDeadLetter(message), seq, time };
}
