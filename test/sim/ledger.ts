/** What is seen of a simulation, and what is wrong with it. Knows the wire, as users of `nats` do, but none of muster's code. */
import type { Broker, StoreMessage } from "../../src/broker/port.ts";
import { type Expected, expectedOf, isSameJson } from "./oracle.ts";
import { jobIndexOfRange, type Scenario, type SimJob } from "./scenario.ts";

export interface SeenOutcome {
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** What a caller was told. */
interface Heard {
  id: string;
  state: string;
  body: string;
}

interface Entry {
  job: SimJob;
  /** A stream acknowledged it. */
  accepted: boolean;
  /** It went through the queue of jobs, so that a dispatcher has its input. */
  queued: boolean;
  outcomes: SeenOutcome[];
  cancelled: boolean;
  /** Highest count of gathered tasks that was told. */
  gathered: number;
  /** Where its cursor was, by sequence. */
  cursors: { seq: number; next: number }[];
  executions: number;
  /** Items that were given up because workers died with them. */
  buried: Set<number>;
}

export interface Drained {
  jobs: number;
  tasks: readonly string[];
  results: readonly string[];
  checkpoints: readonly string[];
}

/** So many deaths that were not its fault may make an item seem poison: one more came from its neighbour. */
const BLAMED = 3;
/** It takes several deaths to find poison, and each may cost the same neighbour at most one. */
const POISON_SHARE = 0.25;
const MOST_BLAMED = 5;
const WEIGHT = /"w":(\d+)/;

export class Ledger {
  readonly violations: string[] = [];
  readonly entries = new Map<string, Entry>();
  readonly #scenario: Scenario;
  /** By process, partition epoch and job: items told. */
  readonly #told = new Map<string, number>();
  readonly #letters = new Map<string, number>();
  readonly #heard: Heard[] = [];
  #workersLost = 0;
  executions = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  violate(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }

  // ── submissions ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Watches what a client stores: only so is it known which jobs there are when an answer is lost. */
  watchStores(broker: Broker): void {
    const { store, storeBatch } = broker;
    broker.storeBatch = async (messages) => {
      const stored = await storeBatch.call(broker, messages);
      const last = messages.at(-1);
      if (last?.subject.startsWith("muster.cursors."))
        this.#onCursor(last.subject.slice(15), String(last.data), stored.seq);
      return stored;
    };
    broker.store = async (message) => {
      const entry = this.#submission(message);
      if (entry !== undefined && message.subject.startsWith("muster.jobs.")) entry.queued = true;
      const stored = await store.call(broker, message);
      if (entry !== undefined) entry.accepted = true;
      return stored;
    };
  }

  #submission({ subject, headers = {}, data = "", msgId }: StoreMessage): Entry | undefined {
    if (!subject.startsWith("muster.")) return undefined; // Leases, most of all.
    const tokens = subject.split(".");
    const id =
      tokens[1] === "jobs" ? (headers["Muster-Job"] ?? msgId) : tokens[1] === "tasks" ? tokens[4] : undefined;
    if (id === undefined) return undefined;
    const known = this.entries.get(id);
    if (known !== undefined) return known;
    const job = this.#jobOf(id, headers, String(data));
    if (job === undefined) {
      this.violate(`a store for the unknown job ${id}: ${subject}`);
      return undefined;
    }
    const entry: Entry = {
      job,
      accepted: false,
      queued: false,
      outcomes: [],
      cancelled: false,
      gathered: 0,
      cursors: [],
      executions: 0,
      buried: new Set(),
    };
    this.entries.set(id, entry);
    return entry;
  }

  #jobOf(id: string, headers: Readonly<Record<string, string>>, data: string): SimJob | undefined {
    const { jobs } = this.#scenario;
    const find = (index: number) => jobs.find((job) => job.index === index);
    const tag = headers["Sim-Job"];
    if (tag !== undefined) return find(Number(tag));
    const keyed = jobs.find(({ key }) => key === id);
    if (keyed !== undefined) return keyed;
    const spec = headers["Muster-Spec"];
    const start =
      spec === undefined ? undefined : (JSON.parse(spec) as { range?: { start: number } }).range?.start;
    if (start !== undefined) return find(jobIndexOfRange(start));
    const range = /"from":(\d+)/.exec(data)?.[1];
    if (range !== undefined) return find(jobIndexOfRange(Number(range)));
    const weight = WEIGHT.exec(data)?.[1];
    return weight === undefined ? undefined : find(jobIndexOfWeight(Number(weight)));
  }

  isQueued(id: string): boolean {
    return this.entries.get(id)?.queued ?? false;
  }

  noteCancelled(id: string): void {
    const entry = this.entries.get(id);
    if (entry !== undefined) entry.cancelled = true;
  }

  // ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────

  onOutcome(id: string, outcome: SeenOutcome): void {
    const entry = this.entries.get(id);
    if (entry === undefined) return this.violate(`an outcome for ${id}, which nobody submitted`);
    entry.outcomes.push(outcome);
    if (entry.outcomes.length > 1)
      this.violate(`the outcome of ${id} was written ${entry.outcomes.length} times`);
  }

  /** A caller was told that this is the outcome. */
  onTold(id: string, state: string, body: string): void {
    this.#heard.push({ id, state, body });
  }

  #checkHeard({ id, state, body }: Heard): void {
    const [first] = this.entries.get(id)?.outcomes ?? [];
    if (first === undefined)
      return this.violate(`a caller was told of an outcome of ${id} that does not stand`);
    const isSame =
      first.headers["Muster-State"] === state && (first.headers["Muster-Object"] || first.body === body);
    if (!isSame) this.violate(`a caller was told another outcome of ${id}: ${state} ${shorten(body)}`);
  }

  /** What came to the inbox of a caller: an outcome carries its job and state, everything else is let be. */
  onAnswer({ headers, data }: { headers: Readonly<Record<string, string>>; data: Uint8Array }): void {
    const { "Muster-Job": id, "Muster-State": state } = headers;
    if (id !== undefined && state !== undefined) this.onTold(id, state, Buffer.from(data).toString());
  }

  onExecution(id: string, index: number, attempt: number): void {
    this.executions++;
    const entry = this.entries.get(id);
    if (entry === undefined) return this.violate(`item ${index} of ${id} ran, which nobody submitted`);
    entry.executions++;
    if (attempt > entry.job.maxAttempts) this.violate(`item ${index} of ${id} ran for the ${attempt}th time`);
  }

  onDeadLetter(id: string, index: number, code: string): void {
    const key = `${id}:${index}`;
    this.#letters.set(key, (this.#letters.get(key) ?? 0) + 1);
    if (code === "poison_task") this.entries.get(id)?.buried.add(index);
  }

  /** Muster missed items and released them again. */
  noteItemsLost(what: string): void {
    if (!this.#mayLose) this.violate(`items got lost, and not by the broker: ${what}`);
  }

  /** The broker itself loses messages: what was counted may have to be counted anew. */
  get #mayLose(): boolean {
    return this.#scenario.blows.some(({ type }) => type === "loss");
  }

  /** A worker was made to die, or to stand still for so long that it seemed to. */
  noteWorkerLost(): void {
    this.#workersLost++;
  }

  /** A worker died of poison, which may come in several copies. */
  notePoisoned(): void {
    this.#workersLost += POISON_SHARE;
  }

  /** Progress lines of one process, since it last (re)claimed a partition. */
  onProgress(source: string, text: string): void {
    const { jobs } = JSON.parse(text) as {
      jobs: [string, number, number, number, number, number, unknown][];
    };
    for (const [id, tasks, items, , , , state] of jobs) {
      const entry = this.entries.get(id);
      if (entry === undefined) this.violate(`progress of ${id}, which nobody submitted`);
      else if (state === 0) this.#onLine(`${source} ${id}`, entry, { id, tasks, items });
    }
  }

  /** An aggregator's answer says how many tasks came back, too. */
  onStanding(text: string): void {
    const { job, tasks } = JSON.parse(text) as { job: string; tasks: number };
    const entry = this.entries.get(job);
    if (entry !== undefined) entry.gathered = Math.max(entry.gathered, tasks);
  }

  #onLine(key: string, entry: Entry, line: { id: string; tasks: number; items: number }): void {
    const before = this.#told.get(key) ?? 0;
    if (line.items < before && !this.#mayLose)
      this.violate(`progress of ${line.id} went back from ${before} to ${line.items} items`);
    if (line.items > entry.job.count)
      this.violate(`progress of ${line.id}: ${line.items} of ${entry.job.count} items`);
    this.#told.set(key, line.items);
    entry.gathered = Math.max(entry.gathered, line.tasks);
  }

  /** A batch of tasks is out, and with it the cursor that says how many are. */
  #onCursor(id: string, cursor: string, seq: number): void {
    const entry = this.entries.get(id);
    if (entry === undefined) return this.violate(`tasks of ${id}, which nobody submitted`);
    const { tasks, next } = JSON.parse(cursor) as { tasks: number; next: number };
    // Answers come in any order; where they were stored says which was first.
    const isBack = entry.cursors.some((each) => each.seq < seq !== each.next < next);
    if (isBack && !this.#mayLose) this.violate(`the cursor of ${id} went back to ${next}`);
    entry.cursors.push({ seq, next });
    const { window } = entry.job;
    const out = tasks - entry.gathered;
    if (window !== undefined && out > window)
      this.violate(`${out} tasks of ${id} are out; its window is ${window}`);
  }

  // ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Jobs that were accepted and have no outcome. */
  get open(): string[] {
    return [...this.entries]
      .filter(([, each]) => each.accepted && each.outcomes.length === 0)
      .map(([id]) => id);
  }

  checkOutcomes(): void {
    for (const heard of this.#heard) this.#checkHeard(heard);
    for (const id of this.open) this.violate(`${id} was accepted and has no outcome`);
    for (const [id, entry] of this.entries) {
      const [first] = entry.outcomes;
      if (first !== undefined) this.#checkOutcome(id, entry, first);
    }
  }

  #checkOutcome(id: string, entry: Entry, { headers, body }: SeenOutcome): void {
    const { job } = entry;
    const state = headers["Muster-State"];
    if (state === "cancelled" && entry.cancelled) return;
    if (state === "expired" && job.deadlineMs !== undefined) return;
    // Whoever is at work when its workers are killed again and again may be taken for the culprit.
    const blamed = this.#workersLost >= BLAMED ? subsetsOf([...entry.buried].slice(0, MOST_BLAMED)) : [];
    const possible = [[], ...blamed].map((each) => expectedOf(this.#scenario.seed, job, new Set(each)));
    const expected =
      possible.find((each) => isExpected(each, job, { headers, body })) ??
      expectedOf(this.#scenario.seed, job, new Set());
    const wrong = (what: string, is: unknown, should: unknown) =>
      this.violate(`${what} of ${id} (job ${job.index}) is ${shorten(is)}, not ${shorten(should)}`);
    if (state !== expected.state) return wrong("the state", `${state} ${body}`, expected.state);
    if (expected.result === undefined) return;
    if (!isSameJson(body, expected.result)) wrong("the result", body, expected.result);
    if (headers["Muster-Items"] !== `${job.count}`)
      wrong("the item count", headers["Muster-Items"], job.count);
    const failed = expected.failing.length;
    if (headers["Muster-Failed"] !== `${failed}`) wrong("the failed count", headers["Muster-Failed"], failed);
    this.#checkLetters(id, expected.failing);
  }

  #checkLetters(id: string, failing: readonly number[]): void {
    for (const index of failing) {
      const letters = this.#letters.get(`${id}:${index}`) ?? 0;
      if (letters !== 1) this.violate(`item ${index} of ${id} has ${letters} dead letters`);
    }
  }

  checkCalm(): void {
    for (const [id, { job, executions, outcomes }] of this.entries) {
      const state = outcomes[0]?.headers["Muster-State"];
      if (state !== "succeeded" || job.flaky > 0 || job.againAfter !== undefined) continue;
      if (executions !== job.count)
        this.violate(`without a fault, ${executions} items of ${id} ran, not ${job.count}`);
    }
  }

  checkDrained({ jobs, tasks, results, checkpoints }: Drained): void {
    if (jobs > 0) this.violate(`${jobs} messages are left in the jobs stream`);
    if (tasks.length > 0) this.violate(`left in the tasks stream: ${tasks.slice(0, 5).join(", ")}`);
    if (results.length > 0) this.violate(`left in the results stream: ${results.slice(0, 5).join(", ")}`);
    if (checkpoints.length > 0) this.violate(`checkpoints are left: ${checkpoints.slice(0, 5).join(", ")}`);
  }
}

function isExpected(
  { state, result, failing }: Expected,
  { count }: SimJob,
  { headers, body }: SeenOutcome,
): boolean {
  if (headers["Muster-State"] !== state) return false;
  if (result === undefined) return true;
  const isCounted =
    headers["Muster-Items"] === `${count}` && headers["Muster-Failed"] === `${failing.length}`;
  return isCounted && isSameJson(body, result);
}

/** All but the empty one. */
function subsetsOf<T>(values: readonly T[]): T[][] {
  const count = 2 ** values.length;
  return Array.from({ length: count - 1 }, (_, mask) => values.filter((_, bit) => ((mask + 1) >> bit) & 1));
}

export function jobIndexOfWeight(w: number): number {
  return Math.floor(w / 2 ** 36) - 1;
}

function shorten(value: unknown): string {
  const text = String(value);
  return text.length <= 160 ? text : `${text.slice(0, 160)}…`;
}
