/** From a submission to a job: its spec, and whether it is small. */
import type { JobSpec, ReplyTo } from "../protocol/spec.ts";
import type { JobInput, Submission } from "../protocol/submission.ts";
import { parseReduce } from "./reducers/index.ts";

export interface JobPlan {
  readonly spec: JobSpec;
  readonly input: JobInput;
  /** Items a task where the caller fixed it, else undefined: chunks size themselves. */
  readonly chunk: number | undefined;
  /** Tasks that may be out at once where the caller fixed it. */
  readonly window: number | undefined;
  /**
   * Items a task of a *small* job: one of few tasks whose bounds are a function of the body alone, so that they can be
   * published plainly and, after a takeover, once more. Undefined for large jobs, which keep a cursor.
   */
  readonly smallChunk: number | undefined;
  /** When it may start, or has expired before it could, in milliseconds since 1970. */
  readonly notBefore: number;
}

export interface JobIdentity {
  job: string;
  /** When it was stored, in milliseconds since 1970. */
  submitted: number;
  reply: ReplyTo | undefined;
}

/** Tasks of a small job at most; an atomic batch costs 3 ms whatever its size, a plain publish 0.03 ms a task. */
export const SMALL_TASKS = 256;

/** @throws UnknownReducer or InvalidOption */
export function planJob(submission: Submission, identity: JobIdentity): JobPlan {
  const { options, input } = submission;
  const chunk = options.chunk === "auto" ? undefined : options.chunk;
  const window = options.window === "auto" ? undefined : options.window;
  const spec = specOf(submission, identity);
  return {
    spec,
    input,
    chunk,
    window,
    smallChunk: window === undefined ? smallChunk(totalOf(input), chunk) : undefined,
    notBefore: Math.min(spec.deadline ?? Number.POSITIVE_INFINITY, spec.submitted + options.delay),
  };
}

/** How many items an input has, where that is known before it is read. */
export function totalOf(input: JobInput): number | undefined {
  if (input.type === "items") return input.items.length;
  return input.type === "range" ? input.count : undefined;
}

function smallChunk(total: number | undefined, chunk = 1): number | undefined {
  return total !== undefined && total <= chunk * SMALL_TASKS ? chunk : undefined;
}

function specOf({ kind, options, input }: Submission, { job, submitted, reply }: JobIdentity): JobSpec {
  const total = totalOf(input);
  const deadline = deadlineOf(options.deadline, submitted);
  return {
    job,
    kind,
    priority: options.priority,
    ...(total === undefined ? {} : { total }),
    reduce: reduceOf(options),
    ...(options.maxAttempts === undefined ? {} : { maxAttempts: options.maxAttempts }),
    backoffMs: options.backoff,
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
    onError: options.onError,
    submitted,
    ...(deadline === undefined ? {} : { deadline }),
    ...(input.type === "range" ? { range: { start: input.start, step: input.step } } : {}),
    ...(reply === undefined ? {} : { reply }),
    ...(options.output === undefined ? {} : { output: options.output }),
  };
}

/** Outputs that go elsewhere one by one are counted, where the job says nothing. */
function reduceOf({ reduce, output }: Submission["options"]): JobSpec["reduce"] {
  return parseReduce(output?.type === "subject" && reduce === "collect" ? "count" : reduce);
}

function deadlineOf(option: Submission["options"]["deadline"], submitted: number): number | undefined {
  if (option === undefined) return undefined;
  return option.at ?? submitted + (option.afterMs ?? 0);
}
