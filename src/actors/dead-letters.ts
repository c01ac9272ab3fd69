/** Dead letters: reading them, and handing in their items once more. */
import type { StreamMessage } from "../broker/port.ts";
import { InputNotKept, UnknownJob } from "../errors.ts";
import { findMember } from "../protocol/json.ts";
import type { DeadLetter } from "../protocol/messages.ts";
import type { Names } from "../protocol/names.ts";
import type { ActorContext } from "./context.ts";
import { textOf } from "./json.ts";
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
  return messages.map((message) => letterOf(names, message));
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

interface DeadBody {
  index: number;
  attempts: number;
  error: { code: string; message: string };
}

/** The input is taken as the text that it is: a number in it may be larger than JavaScript can hold. */
function letterOf(names: Names, message: StreamMessage): DeadLetterView {
  const text = textOf(message);
  const { index, attempts, error } = JSON.parse(text) as DeadBody;
  const [, kind = "", job = ""] = names.tokens(message.subject);
  const { seq, time } = message;
  return { job, kind, index, attempts, ...error, input: findMember(text, "input"), seq, time };
}
