/**
 * The judge of a chaos run. It imports nothing of muster and knows nothing but the history: what callers, handlers and
 * the reader of the streams wrote down.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { entriesIn } from "./entries.ts";
import { compare, failingOf } from "./expected.ts";
import type { Entry, SeenOutcome, Way } from "./history.ts";
import type { JobPlan } from "./job-plan.ts";

export interface Verdict {
  /** One sentence each; none is what is wanted. */
  violations: string[];
  lost: number;
  countedTwice: number;
  withoutOutcome: number;
  jobs: number;
  items: number;
  executions: number;
  /** Items that ran more than once, though none of them counted twice. */
  ranAgain: number;
  /** Items that were given up because whole workers died with them, by chance. */
  buried: number;
  /** Actors that ended before they took part, as the servers were away. */
  failedStarts: number;
  /** Jobs by the state they ended in. */
  states: Record<string, number>;
}

/** What is known of one submission. */
interface Submission {
  plan: JobPlan;
  way: Way;
  jobs: Set<string>;
  unknown: boolean;
}

/** What is known of one job. */
interface Job {
  label: number | undefined;
  accepted: boolean;
  cancelled: boolean;
  seen: SeenOutcome[];
  standing: (SeenOutcome & { seq: number }) | undefined;
  /** How often each item ran at its first attempt. */
  runs: Uint8Array | undefined;
  dead: Map<number, { attempts: number; code: string }>;
}

/** Deaths after which a single item is buried. */
const DEATHS = 4;
const POISON = "poison_task";
/** Failed items that an outcome names at most. */
const NAMED_FAILURES = 20;
/** Ways that name the job, so that handing it in twice is handing in one job. */
const NAMED = new Set<Way>(["keyed", "publish"]);

export async function check(folder: string): Promise<Verdict> {
  const checker = new Checker(folder);
  // Submissions first: handlers' lines mean nothing without them.
  for await (const entry of entriesIn(folder)) checker.noteSubmission(entry);
  for await (const entry of entriesIn(folder)) checker.note(entry);
  return await checker.judge();
}

class Checker {
  readonly #folder: string;
  readonly #submissions = new Map<number, Submission>();
  readonly #jobs = new Map<string, Job>();
  /** By listener and job, how many items were told of last. */
  readonly #progress = new Map<string, number>();
  readonly #verdict: Verdict = {
    violations: [],
    lost: 0,
    countedTwice: 0,
    withoutOutcome: 0,
    jobs: 0,
    items: 0,
    executions: 0,
    ranAgain: 0,
    buried: 0,
    failedStarts: 0,
    states: {},
  };

  constructor(folder: string) {
    this.#folder = folder;
  }

  // ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

  noteSubmission(entry: Entry): void {
    if (entry.what === "submitting") {
      const { plan, way } = entry;
      this.#submissions.set(plan.label, { plan, way, jobs: new Set(), unknown: false });
    }
    if (entry.what === "unknown") this.#ofLabel(entry.label, (submission) => (submission.unknown = true));
    if (entry.what === "accepted") {
      this.#ofLabel(entry.label, ({ jobs }) => jobs.add(entry.job));
      const job = this.#job(entry.job);
      job.label = entry.label;
      job.accepted = true;
    }
  }

  note(entry: Entry): void {
    switch (entry.what) {
      case "cancelling":
        this.#job(entry.job).cancelled = true;
        break;
      case "progress":
        this.#noteProgress(entry);
        break;
      case "outcome":
        this.#job(entry.job).seen.push(entry);
        break;
      case "standing":
        this.#noteStanding(entry);
        break;
      case "dead":
        this.#job(entry.job).dead.set(entry.index, entry);
        break;
      case "begin":
        this.#noteBegin(entry);
        break;
      case "exit":
        this.#noteExit(entry);
        break;
      case "left":
        this.#violate(`left over: ${entry.thing}`);
        break;
    }
  }

  #noteProgress({ job, items, heard }: Extract<Entry, { what: "progress" }>): void {
    const key = `${heard} ${job}`;
    const before = this.#progress.get(key) ?? 0;
    if (items < before) this.#violate(`${heard} heard of ${job} going back from ${before} to ${items} items`);
    this.#progress.set(key, items);
  }

  #noteStanding(outcome: Extract<Entry, { what: "standing" }>): void {
    const job = this.#job(outcome.job);
    if (job.standing !== undefined) this.#violate(`${outcome.job} has two outcomes`);
    job.standing = outcome;
  }

  #noteBegin({ job: id, label, items, attempt }: Extract<Entry, { what: "begin" }>): void {
    const submission = this.#submissions.get(label);
    if (submission === undefined) return this.#violate(`${id} ran, and nobody submitted it`);
    const { plan, jobs } = submission;
    const job = this.#job(id);
    job.label = label;
    jobs.add(id);
    if (attempt > plan.maxAttempts) this.#violate(`${id} ran items ${items} a ${attempt}th time`);
    job.runs ??= new Uint8Array(plan.count);
    for (const range of items.split(",")) {
      const [from = 0, to = 0] = range.split("-").map(Number);
      if (to >= plan.count) this.#violate(`${id} ran item ${to} of ${plan.count}`);
      for (let index = from; index <= to; index++) this.#countRun(job.runs, index, attempt);
    }
  }

  /** An actor that cannot begin, as the servers are away, says so and ends; whoever started it starts it again. */
  #noteExit({ actor, how, began, wanted }: Extract<Entry, { what: "exit" }>): void {
    if (how === "exit code 0" || (wanted && how.startsWith("SIG"))) return;
    if (began) this.#violate(`${actor} ended: ${how}`);
    else this.#verdict.failedStarts++;
  }

  #countRun(runs: Uint8Array, index: number, attempt: number): void {
    this.#verdict.executions++;
    const before = runs[index] ?? 0;
    if (attempt > 1 || before === 255) return;
    runs[index] = before + 1;
    if (before === 1) this.#verdict.ranAgain++;
  }

  // ── judging ──────────────────────────────────────────────────────────────────────────────────────────────────

  async judge(): Promise<Verdict> {
    for (const [label, submission] of this.#submissions) this.#judgeSubmission(label, submission);
    for (const [id, job] of this.#jobs) await this.#judgeJob(id, job);
    this.#judgeStrangers();
    return this.#verdict;
  }

  #judgeSubmission(label: number, { jobs, way }: Submission): void {
    if (NAMED.has(way) && jobs.size > 1)
      this.#violate(`submission ${label} is one job by its name, and became ${[...jobs].join(", ")}`);
  }

  async #judgeJob(id: string, job: Job): Promise<void> {
    const { standing, label } = job;
    if (standing === undefined) return this.#judgeUnended(id, job);
    const { states } = this.#verdict;
    states[standing.state] = (states[standing.state] ?? 0) + 1;
    for (const seen of job.seen) {
      if (differ(seen, standing))
        this.#violate(`${id} was told as ${JSON.stringify(seen)}, and stands as ${JSON.stringify(standing)}`);
    }
    const plan = label === undefined ? undefined : this.#submissions.get(label)?.plan;
    if (plan === undefined) return;
    this.#verdict.jobs++;
    this.#verdict.items += plan.count;
    this.#judgeDead(id, plan, job);
    await this.#judgeState({ id, plan, job, standing });
  }

  /** A job that ran was accepted by a stream, whatever its caller was told. */
  #judgeUnended(id: string, { accepted, runs }: Job): void {
    if (!accepted && runs === undefined) return;
    this.#verdict.withoutOutcome++;
    this.#violate(`${id} has no outcome`);
  }

  #judgeDead(id: string, plan: JobPlan, { dead }: Job): void {
    for (const [index, { attempts, code }] of dead) {
      if (code === POISON) {
        this.#verdict.buried++;
        if (attempts < DEATHS) this.#violate(`item ${index} of ${id} was buried after ${attempts} deaths`);
      } else if (attempts > plan.maxAttempts) {
        this.#violate(`item ${index} of ${id} was tried ${attempts} times`);
      }
    }
  }

  async #judgeState(ended: Ended): Promise<void> {
    const { id, plan, job, standing } = ended;
    switch (standing.state) {
      case "succeeded":
        return await this.#judgeResult(ended);
      case "cancelled":
        if (!job.cancelled) this.#violate(`${id} is cancelled, and nobody cancelled it`);
        return;
      case "expired":
        if (plan.deadlineMs === undefined) this.#violate(`${id} expired without a deadline`);
        return;
      default:
        if (plan.onError === "continue" || standing.buried.length === 0)
          this.#violate(`${id} failed: ${await this.#resultOf(id)}`);
    }
  }

  async #judgeResult({ id, plan, job, standing }: Ended): Promise<void> {
    const failing = failingOf(plan, buriedOf(job, standing));
    this.#judgeCount(`${id}: settled items`, standing.items, plan.count);
    if (standing.failed !== failing.size)
      this.#violate(`${id}: ${standing.failed} failed items instead of ${failing.size}`);
    for (const index of failing) {
      if (!job.dead.has(index)) this.#violate(`${id}: no dead letter of item ${index}`);
    }
    const difference = compare(plan, await this.#resultOf(id), failing);
    if (difference === undefined) return;
    if (difference.type === "twice") this.#verdict.countedTwice++;
    else this.#verdict.lost++;
    this.#violate(`${id} (${JSON.stringify(plan)}): ${difference.type}: ${difference.detail}`);
  }

  #judgeCount(what: string, actual: number, expected: number): void {
    if (actual === expected) return;
    if (actual > expected) this.#verdict.countedTwice += actual - expected;
    else this.#verdict.lost += expected - actual;
    this.#violate(`${what}: ${actual} instead of ${expected}`);
  }

  /** Outcomes of jobs that no caller knows, and no handler ran: as many as there are lost answers may be. */
  #judgeStrangers(): void {
    const strangers = [...this.#jobs].filter(([, { label }]) => label === undefined);
    const unknown = [...this.#submissions.values()].filter((submission) => submission.unknown);
    if (strangers.length > unknown.length)
      this.#violate(`${strangers.length} jobs that nobody submitted, as ${strangers[0]?.[0]}`);
  }

  // ── means ────────────────────────────────────────────────────────────────────────────────────────────────────

  #job(id: string): Job {
    const known = this.#jobs.get(id);
    if (known !== undefined) return known;
    const job: Job = {
      label: undefined,
      accepted: false,
      cancelled: false,
      seen: [],
      standing: undefined,
      runs: undefined,
      dead: new Map(),
    };
    this.#jobs.set(id, job);
    return job;
  }

  #ofLabel(label: number, change: (submission: Submission) => void): void {
    const submission = this.#submissions.get(label);
    if (submission !== undefined) change(submission);
  }

  async #resultOf(id: string): Promise<string> {
    return await readFile(join(this.#folder, "results", id), "utf8");
  }

  #violate(violation: string): void {
    this.#verdict.violations.push(violation);
  }
}

interface Ended {
  id: string;
  plan: JobPlan;
  job: Job;
  standing: SeenOutcome;
}

/**
 * The items that count as buried. Dead letters alone would not tell: a worker that was thought dead may have stored
 * the item's result before the one that buried it. An outcome names them, but twenty failures at most.
 */
function buriedOf({ dead }: Job, standing: SeenOutcome): Set<number> {
  if (standing.failed <= NAMED_FAILURES) return new Set(standing.buried);
  return new Set([...dead].filter(([, { code }]) => code === POISON).map(([index]) => index));
}

function differ(a: SeenOutcome, b: SeenOutcome): boolean {
  return a.state !== b.state || a.items !== b.items || a.failed !== b.failed || a.digest !== b.digest;
}
