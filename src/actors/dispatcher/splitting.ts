/**
 * Jobs whose items a splitter makes. Dispatchers have no handler modules, so the splitting is a job of its own, of one task:
 * a worker runs the splitter, ships what it yields, and the job's one outcome names the object. Whoever runs it again after
 * a death makes another object, which no outcome names.
 */
import { InvalidChunk, SplitterFailed, Unexpected } from "../../errors.ts";
import { isToken } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import type { JobSpec } from "../../protocol/spec.ts";
import { jobOfKey } from "../../protocol/submission.ts";
import { awaitOutcome, type OutcomeNews } from "../await-outcome.ts";
import type { ActorContext } from "../context.ts";
import { cutShort, endJob, NO_COUNTS, readOutcome } from "../outcomes.ts";
import { storeSurely } from "../store-surely.ts";
import { TaskWriter } from "../tasks.ts";
import type { ObjectInput } from "./record-source.ts";

/** The code of what a splitter yields as a chunk, and is none. */
const INVALID_CHUNK = new InvalidChunk("").code;

export interface SplitRequest {
  /** Of the job whose items are to be made. */
  spec: JobSpec;
  /** What the splitter is given, as JSON text. */
  value: string;
  news: OutcomeNews;
}

/**
 * Has the items made, or finds those that were made before a takeover.
 * @throws SplitterFailed, or the signal's reason
 */
export async function splitInput(
  context: ActorContext,
  { spec, value, news }: SplitRequest,
  signal: AbortSignal,
): Promise<ObjectInput> {
  const split = splitSpec(spec);
  if (!(await isUnderWay(context, split.job))) {
    const task = new TaskWriter(context, split).message({ from: 0, count: 1 }, { items: `[${value}]` });
    await storeSurely(context, task, signal);
  }
  return objectIn(await awaitOutcome(context, { news, job: split.job }, signal));
}

/** Ends the splitting of a job that is over before its items are made. */
export async function cancelSplit(context: ActorContext, spec: JobSpec, signal: AbortSignal): Promise<void> {
  const { broker, names } = context;
  const { job, kind, submitted } = splitSpec(spec);
  const error = cutShort("cancelled", job);
  const ending = {
    job,
    kind,
    state: "cancelled",
    counts: NO_COUNTS,
    submitted,
    error,
    reply: undefined,
  } as const;
  await endJob(context, ending, signal);
  broker.publish({ subject: names.control("cancel"), data: JSON.stringify({ job }) });
  await broker.purge(names.stream("tasks"), names.tasksOf(job));
}

/** A job of one item, the value, whose output is the object's name. */
function splitSpec({ job, kind, priority, maxAttempts, backoffMs, submitted }: JobSpec): JobSpec {
  const name = `${job}-split`;
  return {
    job: isToken(name) ? name : jobOfKey(`split of ${job}`),
    kind,
    priority,
    total: 1,
    reduce: { name: "collect", params: {} },
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    backoffMs,
    onError: "fail",
    submitted,
    split: true,
  };
}

async function isUnderWay(context: ActorContext, job: string): Promise<boolean> {
  const { broker, names } = context;
  if ((await readOutcome(context, job)) !== undefined) return true;
  return (await broker.last(names.stream("tasks"), names.tasksOf(job))) !== undefined;
}

function objectIn(outcome: Outcome): ObjectInput {
  const { kind, state, body, error, failures } = outcome;
  const wrong = failures.find(({ code }) => code === INVALID_CHUNK);
  if (wrong !== undefined) throw new InvalidChunk(wrong.message);
  if (state !== "succeeded") throw new SplitterFailed(kind, error?.message ?? state);
  const [object = ""] = JSON.parse(body) as string[];
  const slash = object.indexOf("/");
  if (slash < 1) throw new Unexpected(new Error(`a splitting ended without an object: ${body}`));
  return { type: "object", bucket: object.slice(0, slash), name: object.slice(slash + 1), format: "shipped" };
}
