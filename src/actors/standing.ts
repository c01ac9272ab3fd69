/** What of a job was counted: asked of the aggregator that counts it. */
import { MusterError } from "../errors.ts";
import type { Task } from "../protocol/messages.ts";
import { partitionOf } from "../protocol/names.ts";
import type { ItemRange } from "../protocol/spec.ts";
import { decodeStanding, type Standing, type StandingQuestion } from "../protocol/standing.ts";
import { sleep } from "../runtime/clock.ts";
import type { ActorContext } from "./context.ts";
import { jsonOf } from "./json.ts";
import { readOutcome } from "./outcomes.ts";

const ANSWER_MS = 1_000;
/** So long nobody asks again of whom the answer was of no use. */
const AGAIN_MS = 250;

/**
 * Asks the aggregator that has the job's partition; undefined where what answers is none.
 * @throws RequestFailed where none has it now, and where the job is over for it
 */
export async function askStanding(
  { broker, names }: ActorContext,
  question: StandingQuestion,
): Promise<Standing | undefined> {
  const message = { subject: names.control("standing"), data: JSON.stringify(question) };
  const answer = await broker.request(message, { timeoutMs: ANSWER_MS });
  return decodeStanding(jsonOf<Standing>(answer));
}

/** The sequence of the job's newest result that is not yet settled; 0: there is none. */
export async function newestResult(
  { broker, names, partitions }: ActorContext,
  job: string,
): Promise<number> {
  const newest = await broker.last(names.stream("results"), names.result(partitionOf(job, partitions), job));
  return newest?.seq ?? 0;
}

/**
 * Which of a task's items no result has that is stored by now: none of a job that is over. Waits while no aggregator answers,
 * or while the one that does has not yet read all of the job's results.
 * @throws the signal's reason when it aborts
 */
export async function uncountedItems(
  context: ActorContext,
  { spec, from, count }: Task,
  signal: AbortSignal,
): Promise<readonly ItemRange[]> {
  const { job, total } = spec;
  for (;;) {
    try {
      const newest = await newestResult(context, job);
      if ((await readOutcome(context, job)) !== undefined) return [];
      // The result of a task of all items is the job's outcome: no aggregator hears of it.
      if (count === total) return [{ from, count }];
      const standing = await askStanding(context, { job, from, released: from + count });
      if (standing !== undefined && standing.upTo >= newest) return standing.missing;
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
    }
    await sleep(context.clock, AGAIN_MS, signal);
  }
}
