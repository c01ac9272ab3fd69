/** `muster.job.get`, `list`, `result`, `receipt`, `cancel` and `retry`. */
import type { InMessage, Subscription } from "../../broker/port.ts";
import { receiptOf } from "../../domain/receipt.ts";
import { InvalidBody, JobAlreadyFinished, JobNotFinished, toMusterError, UnknownJob } from "../../errors.ts";
import { parseJson } from "../../protocol/json.ts";
import { HEADER, isToken, JOB_VERBS, type JobVerb } from "../../protocol/names.ts";
import { encodeOutcome, type Outcome } from "../../protocol/outcome.ts";
import { type ReplyTo, SpecDecoder } from "../../protocol/spec.ts";
import type { ActorContext } from "../context.ts";
import { redrive } from "../dead-letters.ts";
import { jsonOf, textOf } from "../json.ts";
import { cutShort, endJob, NO_COUNTS, readOutcome } from "../outcomes.ts";
import { QUEUE, replyError } from "./ingress.ts";
import { purgeTasks, type RunSnapshot } from "./job-run.ts";
import { recentOutcomes } from "./recent.ts";

export interface VerbGround {
  context: ActorContext;
  /** Jobs that this dispatcher holds. */
  held(): readonly RunSnapshot[];
  background(work: () => Promise<void>): void;
  signal: AbortSignal;
}

/** How long the other dispatchers may take to say what they hold, in milliseconds. */
const ASK_MS = 300;
const LIST_LIMIT = 100;
const MAX_LIST = 1000;

/** A job as `get` and `list` show it. */
export interface JobView {
  job: string;
  kind: string;
  /** `delayed`, `waiting`, `running`, or how it ended. */
  state: string;
  /** Items that are settled. */
  items: number;
  /** Items in all, where that is known. */
  total?: number | undefined;
  /** Items that failed for good. */
  failed: number;
  /** Chunks whose results were counted. */
  tasks: number;
  /** ISO 8601. */
  submitted: string;
  /** ISO 8601; only once it is over. */
  finished?: string;
}

/** Listens for requests about jobs until the subscriptions are closed. */
export function listenForVerbs(ground: VerbGround): Subscription[] {
  const { broker, names } = ground.context;
  const answerers: Record<JobVerb, (body: VerbBody) => Promise<Answer>> = {
    get: (body) => get(ground, jobOf(body)),
    list: (body) => list(ground, body),
    result: (body) => result(ground, jobOf(body)),
    receipt: (body) => receipt(ground, jobOf(body)),
    cancel: (body) => cancel(ground, jobOf(body)),
    retry: async (body) => json(await redrive(ground.context, jobOf(body))),
  };
  const verbs = JOB_VERBS.map((verb) =>
    broker.subscribe(
      names.jobVerb(verb),
      (message) => ground.background(() => answer(ground, message, answerers[verb])),
      QUEUE,
    ),
  );
  return [...verbs, broker.subscribe(names.control("held"), (message) => answerHeld(ground, message))];
}

interface VerbBody {
  job?: unknown;
  limit?: unknown;
}

interface Answer {
  data: string;
  headers?: Record<string, string>;
}

async function answer(
  { context }: VerbGround,
  message: InMessage,
  answerer: (body: VerbBody) => Promise<Answer>,
): Promise<void> {
  if (message.reply === undefined) return;
  try {
    const text = textOf(message).trim();
    const body = text === "" ? {} : parseJson(text);
    if (typeof body !== "object" || body === null)
      throw new InvalidBody('The body must be an object: {"job":"…"}.');
    context.broker.publish({ subject: message.reply, ...(await answerer(body)) });
  } catch (error) {
    replyError(context, message.reply, toMusterError(error));
  }
}

function jobOf({ job }: VerbBody): string {
  if (typeof job === "string" && isToken(job)) return job;
  throw new InvalidBody(
    `The body must name a job: {"job":"…"}; ${JSON.stringify(job) ?? "nothing"} is no job id.`,
    { path: "job" },
  );
}

async function get(ground: VerbGround, job: string): Promise<Answer> {
  const outcome = await readOutcome(ground.context, job);
  if (outcome !== undefined) return json(viewOfOutcome(outcome));
  return json((await unfinished(ground, job)).view);
}

async function result(ground: VerbGround, job: string): Promise<Answer> {
  const { headers, data } = encodeOutcome(await finished(ground, job));
  return { headers, data: data as string };
}

async function receipt(ground: VerbGround, job: string): Promise<Answer> {
  return json(receiptOf(await finished(ground, job)));
}

/** @throws JobNotFinished, or UnknownJob */
async function finished(ground: VerbGround, job: string): Promise<Outcome> {
  const outcome = await readOutcome(ground.context, job);
  if (outcome !== undefined) return outcome;
  await unfinished(ground, job);
  throw new JobNotFinished(job);
}

async function cancel(ground: VerbGround, job: string): Promise<Answer> {
  const { context, signal } = ground;
  const before = await readOutcome(context, job);
  if (before !== undefined) throw new JobAlreadyFinished(job, before.state);
  const { view, reply } = await unfinished(ground, job);
  const submitted = Date.parse(view.submitted);
  const error = cutShort("cancelled", job);
  const counts = { ...NO_COUNTS, items: view.items, failed: view.failed, tasks: view.tasks };
  const ending = {
    job,
    kind: view.kind,
    state: "cancelled",
    counts,
    submitted,
    error,
    // Whoever waits for the job hears of its end, as of any other.
    reply,
  } as const;
  const outcome = await endJob(context, ending, signal);
  if (outcome.state !== "cancelled") throw new JobAlreadyFinished(job, outcome.state);
  context.broker.publish({ subject: context.names.control("cancel"), data: JSON.stringify({ job }) });
  await purgeTasks(context, job);
  return json({ job, state: "cancelled" });
}

async function list(ground: VerbGround, { limit = LIST_LIMIT }: VerbBody): Promise<Answer> {
  if (typeof limit !== "number" || !(limit >= 1))
    throw new InvalidBody(`"limit" must be a number from 1 to ${MAX_LIST}.`);
  const most = Math.min(limit, MAX_LIST);
  const [running, ended] = await Promise.all([askHeld(ground, {}), recentOutcomes(ground.context, most)]);
  const over = new Set(ended.map(({ job }) => job));
  const open = running.filter(({ job }) => !over.has(job)).map(viewOfRun);
  return json({ jobs: [...open, ...ended.map(viewOfOutcome)].slice(0, most) });
}

/** A job without an outcome, and who waits for it. */
interface Unfinished {
  view: JobView;
  reply: ReplyTo | undefined;
}

function unfinishedRun(run: RunSnapshot): Unfinished {
  return { view: viewOfRun(run), reply: run.reply };
}

/** A job that has no outcome: held by a dispatcher, or a single task in the queue. @throws UnknownJob */
async function unfinished(ground: VerbGround, job: string): Promise<Unfinished> {
  const mine = ground.held().find((run) => run.job === job);
  if (mine !== undefined) return unfinishedRun(mine);
  const [held, task] = await Promise.all([askHeld(ground, { job }), findTask(ground, job)]);
  const found = held.find((run) => run.job === job);
  if (found !== undefined) return unfinishedRun(found);
  if (task !== undefined) return task;
  throw new UnknownJob(job);
}

async function findTask({ context }: VerbGround, job: string): Promise<Unfinished | undefined> {
  const { broker, names } = context;
  const message = await broker.last(names.stream("tasks"), names.tasksOf(job));
  if (message === undefined) return undefined;
  const { kind } = names.parseTask(message.subject);
  const submitted = new Date(message.time).toISOString();
  const view = { job, kind, state: "running", items: 0, failed: 0, tasks: 0, submitted };
  return { view, reply: new SpecDecoder(1).decode(message.headers[HEADER.spec]).reply };
}

// ── between dispatchers ────────────────────────────────────────────────────────────────────────────────────────

/** Asks all dispatchers what they hold: one job, or all. */
async function askHeld({ context }: VerbGround, question: { job?: string }): Promise<RunSnapshot[]> {
  const { broker, names } = context;
  const message = { subject: names.control("held"), data: JSON.stringify(question) };
  const limits = { timeoutMs: ASK_MS, stallMs: 60, ...(question.job === undefined ? {} : { max: 1 }) };
  const answers = await broker.gather(message, limits);
  return answers.flatMap((found) => jsonOf<{ runs: RunSnapshot[] }>(found)?.runs ?? []);
}

/** Answers with what is held here; silence where a named job is not. */
function answerHeld({ context, held }: VerbGround, message: InMessage): void {
  const job = jsonOf<{ job: string }>(message)?.job;
  const runs = held().filter((run) => job === undefined || run.job === job);
  if (message.reply === undefined || (job !== undefined && runs.length === 0)) return;
  const fitting = runs.slice(0, MAX_LIST);
  context.broker.publish({ subject: message.reply, data: JSON.stringify({ runs: fitting }) });
}

// ── views ──────────────────────────────────────────────────────────────────────────────────────────────────────

function viewOfRun(run: RunSnapshot): JobView {
  const { job, kind, state, items, total, failed, tasks, submitted } = run;
  return { job, kind, state, items, total, failed, tasks, submitted: new Date(submitted).toISOString() };
}

function viewOfOutcome({ job, kind, state, counts, times }: Outcome): JobView {
  const { items, failed, tasks } = counts;
  const submitted = new Date(times.submitted).toISOString();
  return {
    job,
    kind,
    state,
    items,
    total: items,
    failed,
    tasks,
    submitted,
    finished: new Date(times.finished).toISOString(),
  };
}

function json(value: unknown): Answer {
  return { data: JSON.stringify(value) };
}
