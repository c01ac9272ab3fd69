/** One simulation: the actors as they are, over a broker, clocks and faults that a seed determines. */
import { Client } from "../../src/actors/client.ts";
import type { StreamMessage, TopologyPlan } from "../../src/broker/port.ts";
import type { SimulatedBroker } from "../../src/broker/simulated/client.ts";
import { SimulatedServer } from "../../src/broker/simulated/server.ts";
import { topologyOf } from "../../src/broker/topology.ts";
import { MusterError } from "../../src/errors.ts";
import { Names } from "../../src/protocol/names.ts";
import { sleep } from "../../src/runtime/clock.ts";
import { VirtualClock } from "../../src/runtime/virtual-clock.ts";
import { Dice } from "./dice.ts";
import { scenarioOf } from "./draw.ts";
import { elementsOf } from "./elements.ts";
import { Berth, contextOf, type FleetGround } from "./fleet.ts";
import { Ledger } from "./ledger.ts";
import { SABOTAGES, type Sabotage } from "./sabotage.ts";
import {
  type Blow,
  itemOf,
  type Passage,
  type Role,
  rangeStart,
  type Scenario,
  type SimJob,
} from "./scenario.ts";

export interface SimulateOptions {
  /** @default the one that the seed draws */
  scenario?: Scenario;
  /** Hears what happens, line by line. */
  onLine?: ((line: string) => void) | undefined;
  /** A bug to plant, by name. */
  sabotage?: string | undefined;
}

export interface Verdict {
  seed: number;
  violations: readonly string[];
  /** Over every message and event: the same for every run of the same scenario. */
  hash: string;
  stats: {
    virtualMs: number;
    passages: number;
    executions: number;
    items: number;
    jobs: number;
    lastEndMs: number;
  };
}

/** All jobs must have ended so long after the last fault, in milliseconds. */
const LIVENESS_MS = 45_000;
/** Faults that wait for a message wait so long after the others. */
const LURKING_MS = 5_000;
/** Where the broker loses messages, they may take so long more for each item. */
const MENDING_MS = 500;
/** What is left over must be gone so long after the last job. */
const DRAIN_MS = 40_000;
const STOP_MS = 30_000;
/** A message may take so long to become a job. */
const SENDING_MS = 300;
const STEP_MS = 100;
/** While the broker loses messages, it does so this often. */
const LOSS_MS = 2;
const GIGABYTE = 1024 ** 3;
const PIECE_BYTES = 200;

export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Verdict> {
  const sabotage = options.sabotage === undefined ? undefined : SABOTAGES[options.sabotage];
  const undo = sabotage?.machines?.();
  try {
    const scenario = options.scenario ?? scenarioOf(seed);
    return await new Simulation(scenario, { onLine: options.onLine, sabotage }).run();
  } finally {
    undo?.();
  }
}

interface LetterBody {
  index: number;
  error: { code: string };
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #dice: Dice;
  readonly #clock = new VirtualClock();
  readonly #server: SimulatedServer;
  readonly #ledger: Ledger;
  readonly #ground: FleetGround;
  readonly #names = new Names("muster");
  readonly #berths: Berth[] = [];
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #startedAt: number;
  #hash = 0x811c9dc5;
  #passages = 0;
  #submitting = 0;
  #areElementsLoose = false;
  #isServerUp = true;
  /** Callers that wait for an outcome. */
  #waiting = 0;

  constructor(
    scenario: Scenario,
    { onLine, sabotage }: { onLine: ((line: string) => void) | undefined; sabotage: Sabotage | undefined },
  ) {
    const dice = new Dice(scenario.seed).fork("run");
    this.#scenario = scenario;
    this.#dice = dice.fork("losses");
    this.#onLine = onLine;
    this.#startedAt = this.#clock.now();
    this.#ledger = new Ledger(scenario);
    this.#server = new SimulatedServer({
      clock: this.#clock,
      random: dice.fork("server").next,
      maxPayload: scenario.maxPayload,
      timeoutMs: scenario.timeoutMs,
      faults: elementsOf({
        scenario,
        dice: dice.fork("elements"),
        elapsed: () => this.#elapsed(),
        onPassage: (client, passage, subject) => this.#onPassage(client, passage, subject),
        isSpared: (client) => !this.#areElementsLoose || client === "observer",
      }),
    });
    this.#ground = {
      scenario,
      clock: this.#clock,
      server: this.#server,
      names: this.#names,
      ledger: this.#ledger,
      dice,
      tell: (line) => this.#tell(line),
      isServerUp: () => this.#isServerUp,
      sabotage,
      topology: {
        names: this.#names,
        replicas: 1,
        storage: "file",
        leaseMs: scenario.leaseMs,
        jobLeaseMs: Math.max(600, Math.round(scenario.leaseMs * 0.6)),
        maxBytes: GIGABYTE,
        outcomeTtlMs: 24 * 3_600_000,
      },
    };
  }

  async run(): Promise<Verdict> {
    const onRejection = (error: unknown) =>
      this.#ledger.violate(
        `a rejection that nobody handles: ${error instanceof Error ? error.stack : error}`,
      );
    process.on("unhandledRejection", onRejection);
    try {
      await this.#live();
    } catch (error) {
      this.#ledger.violate(`an error that nobody handles: ${error instanceof Error ? error.stack : error}`);
    } finally {
      process.off("unhandledRejection", onRejection);
    }
    return this.#verdict();
  }

  #verdict(): Verdict {
    const { seed, jobs } = this.#scenario;
    return {
      seed,
      violations: this.#ledger.violations,
      hash: (this.#hash >>> 0).toString(16).padStart(8, "0"),
      stats: {
        virtualMs: this.#elapsed(),
        passages: this.#passages,
        executions: this.#ledger.executions,
        items: jobs.reduce((sum, { count }) => sum + count, 0),
        jobs: jobs.length,
        lastEndMs: this.#lastEndMs,
      },
    };
  }

  #lastEndMs = 0;

  async #live(): Promise<void> {
    const observer = this.#server.connect("observer");
    await this.#settle(observer.ensure(this.#plan()));
    await this.#observe(observer);
    const client = await this.#settle(this.#startClient());
    await this.#settle(this.#startFleet());
    this.#areElementsLoose = true;
    for (const job of this.#scenario.jobs) this.#later(job.at, () => this.#submit(client, job));
    for (const blow of this.#scenario.blows) this.#later(blow.at, () => this.#strike(blow));
    this.#later(this.#scenario.calmAt + LURKING_MS, () => this.#spare());
    await this.#untilEnded();
    this.#spare();
    this.#ledger.checkOutcomes();
    if (this.#waiting > 0) this.#ledger.violate(`${this.#waiting} callers still wait for an outcome`);
    if (this.#isCalm) this.#ledger.checkCalm();
    if (this.#ledger.violations.length === 0) await this.#end(observer);
  }

  get #isCalm(): boolean {
    const { weather, blows, jobs } = this.#scenario;
    const isQuiet = jobs.every(
      ({ cancelAfter, poison }) => cancelAfter === undefined && poison === undefined,
    );
    return weather.length === 0 && blows.length === 0 && isQuiet;
  }

  // ── the start ────────────────────────────────────────────────────────────────────────────────────────────────

  #plan(): TopologyPlan {
    const plan = topologyOf(this.#ground.topology);
    const streams = plan.streams.map((stream) =>
      stream.name === "MUSTER_TASKS" ? { ...stream, maxBytes: this.#scenario.taskBytes } : stream,
    );
    return { ...plan, streams };
  }

  async #observe(observer: SimulatedBroker): Promise<void> {
    const { outcomes, dead } = { outcomes: "MUSTER_OUTCOMES", dead: "MUSTER_DEAD" };
    const tail = await this.#settle(
      observer.tail({
        stream: outcomes,
        filter: "muster.outcomes.*",
        fromSeq: 1,
        onMessage: (message) => {
          this.#lastEndMs = this.#elapsed();
          tail.release(1);
          void this.#read(observer, message);
        },
      }),
    );
    const letters = await this.#settle(
      observer.tail({
        stream: dead,
        filter: ">",
        fromSeq: 1,
        onMessage: ({ subject, data }) => {
          letters.release(1);
          const { index, error } = JSON.parse(Buffer.from(data).toString()) as LetterBody;
          this.#ledger.onDeadLetter(subject.split(".")[3] ?? "", index, error.code);
        },
      }),
    );
  }

  /** An outcome as a caller would read it. */
  async #read(
    observer: SimulatedBroker,
    {
      subject,
      headers,
      data,
    }: { subject: string; headers: Readonly<Record<string, string>>; data: Uint8Array },
  ): Promise<void> {
    const id = subject.slice(subject.lastIndexOf(".") + 1);
    const object = headers["Muster-Object"];
    this.#tell(`outcome of ${id}: ${headers["Muster-State"]}`);
    if (object === undefined)
      return this.#ledger.onOutcome(id, { headers, body: Buffer.from(data).toString() });
    const [bucket = "", name = ""] = object.split("/");
    const parts: Uint8Array[] = [];
    for await (const part of (await (await observer.objects(bucket)).get(name)) ?? []) parts.push(part);
    this.#ledger.onOutcome(id, { headers, body: Buffer.concat(parts).toString() });
  }

  async #startClient(): Promise<Client> {
    const broker = this.#server.connect("client");
    const { context } = contextOf(this.#ground, "client", broker);
    const objects = broker.objects.bind(broker);
    // Objects of a few records each, so that reading one takes many steps.
    broker.objects = async (name) => {
      const bucket = await objects(name);
      const put = bucket.put.bind(bucket);
      return Object.assign(bucket, {
        put: (object: string, data: Parameters<typeof put>[1]) => put(object, inPieces(data)),
      });
    };
    const client = new Client(context);
    await client.start();
    return client;
  }

  async #startFleet(): Promise<void> {
    const { fleet } = this.#scenario;
    for (const role of ["dispatcher", "worker", "aggregator"] as const) {
      for (let index = 0; index < fleet[role]; index++)
        this.#berths.push(new Berth(this.#ground, role, index));
    }
    for (const berth of this.#berths) await berth.start();
  }

  // ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #submit(client: Client, job: SimJob): void {
    const { againAfter } = job;
    this.#attempt(() => this.#send(client, job));
    if (againAfter !== undefined) this.#later(againAfter, () => this.#attempt(() => this.#send(client, job)));
  }

  #attempt(send: () => Promise<void>): void {
    this.#submitting++;
    send()
      .catch((error) => {
        if (!(error instanceof MusterError)) this.#ledger.violate(`a submission met ${error}`);
        else this.#tell(`a submission met ${error}`);
      })
      .finally(() => this.#submitting--);
  }

  async #send(client: Client, job: SimJob): Promise<void> {
    this.#tell(`job ${job.index} is sent`);
    if (job.via === "run" || job.via === "submit") return await this.#request(client, job);
    if (job.via === "watch") return this.#watch(client, job);
    for (;;) {
      try {
        const id = await this.#store(client, job);
        this.#tell(`job ${job.index} is ${id}`);
        this.#await(client, id);
        return this.#follow(client, job, id);
      } catch (error) {
        // Without a key it is not known whether the job is there, and a second try would be another job.
        if (job.key === undefined || !(error instanceof MusterError) || error.status < 500) throw error;
        await sleep(this.#clock, 200);
      }
    }
  }

  async #store(client: Client, job: SimJob): Promise<string> {
    const options = optionsOf(job);
    if (job.via === "raw") return await this.#storeRaw(client, job);
    if (job.via !== "records") return await client.submit({ kind: "work", body: this.#body(job), options });
    const records = this.#items(job);
    return await client.submitRecords({ kind: "work", records, options });
  }

  /** As a user of another language does: options in the body, the key in the header that NATS knows. */
  async #storeRaw({ broker }: Client, job: SimJob): Promise<string> {
    const { key = "", ...options } = optionsOf(job);
    const input = job.range
      ? { range: { from: rangeStart(job), to: rangeStart(job) + job.count } }
      : { items: JSON.parse(`[${this.#items(job).join(",")}]`) as unknown };
    const data = job.invalid ? "{" : JSON.stringify({ ...input, ...options });
    await broker.store({ subject: this.#names.jobs("work"), data, msgId: String(key) });
    return String(key);
  }

  #headers(job: SimJob): Record<string, string> {
    const options = Object.entries(optionsOf(job)).map(([name, value]) => [`Muster-${name}`, String(value)]);
    return { ...Object.fromEntries(options), "Sim-Job": `${job.index}` };
  }

  /** A caller that watches: it may miss messages, but what it gets must be right. */
  #watch({ broker }: Client, job: SimJob): void {
    const reply = broker.inbox();
    broker.subscribe(reply, (message) => this.#ledger.onAnswer(message));
    const subject = this.#names.submission("watch", "work");
    broker.publish({ subject, reply, data: this.#body(job), headers: this.#headers(job) });
  }

  /** The caller gets the outcome that stands. */
  #await(client: Client, id: string): void {
    this.#waiting++;
    client
      .outcome(id)
      .then(({ state, body }) => this.#ledger.onTold(id, state, body))
      .catch((error) => this.#ledger.violate(`waiting for ${id} met ${error}`))
      .finally(() => this.#waiting--);
  }

  async #request(client: Client, job: SimJob): Promise<void> {
    const headers = this.#headers(job);
    const answer = await client.broker.request(
      {
        subject: this.#names.submission(job.via === "run" ? "run" : "submit", "work"),
        data: this.#body(job),
        headers,
      },
      { timeoutMs: 10_000 },
    );
    const text = Buffer.from(answer.data).toString();
    this.#ledger.onAnswer(answer);
    if (job.via === "run") return;
    const { job: id } = JSON.parse(text) as { job?: string };
    if (id !== undefined) this.#follow(client, job, id);
  }

  /** Cancels it, perhaps. */
  #follow(client: Client, job: SimJob, id: string): void {
    if (job.cancelAfter === undefined) return;
    this.#later(job.cancelAfter, () => {
      this.#tell(`${id} is to be cancelled`);
      this.#ledger.noteCancelled(id);
      this.#attempt(() => client.cancel(id));
    });
  }

  #body(job: SimJob): string {
    if (job.invalid) return "[1,";
    if (job.range)
      return JSON.stringify({ range: { from: rangeStart(job), to: rangeStart(job) + job.count } });
    return `[${this.#items(job).join(",")}]`;
  }

  #items(job: SimJob): string[] {
    return Array.from(
      { length: job.count },
      (_, index) => `{"w":${itemOf(this.#scenario.seed, job, index).w}}`,
    );
  }

  // ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────

  #strike(blow: Blow): void {
    if (blow.type === "restart") return this.#restart(blow.downMs);
    if (blow.type === "loss") return this.#lose(blow);
    this.#berth(blow.role, blow.index)?.strike(blow, blow.trigger);
  }

  #berth(role: Role, index: number): Berth | undefined {
    return this.#berths.filter((berth) => berth.role === role)[index];
  }

  #spare(): void {
    for (const berth of this.#berths) berth.spare();
  }

  #restart(downMs: number): void {
    if (!this.#isServerUp) return;
    this.#isServerUp = false;
    this.#tell(`the broker is down for ${downMs} ms`);
    this.#server.stop();
    this.#clock.after(Math.max(1, downMs), () => {
      this.#isServerUp = true;
      this.#tell("the broker is back");
      this.#server.start();
    });
  }

  #lose(blow: Extract<Blow, { type: "loss" }>): void {
    const { stream, share, ms } = blow;
    // Of a job that is a single task, that task is all there is.
    const isHeld = ({ subject }: StreamMessage) => this.#ledger.isQueued(this.#names.lastToken(subject));
    const lost = this.#server.lose(stream, (message) => isHeld(message) && this.#dice.chance(share));
    if (lost > 0) this.#tell(`the broker loses ${lost} messages of ${stream}`);
    if (ms > 0) this.#later(LOSS_MS, () => this.#lose({ ...blow, ms: ms - LOSS_MS }));
  }

  #onPassage(client: string, passage: Passage, subject: string): void {
    this.#passages++;
    this.#note(client, " ", passage, " ", subject);
    for (const berth of this.#berths) berth.onPassage(client, passage, subject);
  }

  // ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────

  async #untilEnded(): Promise<void> {
    const { jobs, calmAt } = this.#scenario;
    const lastSent = jobs.reduce((last, job) => Math.max(last, job.at + (job.againAfter ?? 0)), 0);
    const least = Math.max(lastSent + SENDING_MS, calmAt);
    const most = least + LIVENESS_MS + this.#mendingMs;
    while (this.#elapsed() < most) {
      await this.#clock.advance(STEP_MS);
      if (this.#elapsed() < least || this.#submitting > 0) continue;
      if (this.#waiting === 0 && this.#ledger.open.length === 0) return;
    }
  }

  /** What the broker lost is released again a window at a time, and each time missed anew. */
  get #mendingMs(): number {
    const { jobs, blows } = this.#scenario;
    if (!blows.some(({ type }) => type === "loss")) return 0;
    return jobs.reduce((sum, { count }) => sum + count, 0) * MENDING_MS;
  }

  /** What is left over must go, and the fleet must be able to stop. */
  async #end(observer: SimulatedBroker): Promise<void> {
    const limit = this.#elapsed() + DRAIN_MS;
    let left = await this.#left(observer);
    while (!left.isNothing && this.#elapsed() < limit) {
      await this.#clock.advance(STEP_MS);
      left = await this.#left(observer);
    }
    this.#ledger.checkOutcomes();
    this.#ledger.checkDrained(left);
    for (const berth of this.#berths) void berth.close();
    for (let ms = 0; ms < STOP_MS && this.#berths.some((berth) => !berth.isGone); ms += STEP_MS)
      await this.#clock.advance(STEP_MS);
    const stuck = this.#berths.filter((berth) => !berth.isGone);
    if (stuck.length > 0) this.#ledger.violate(`do not stop: ${stuck.map(({ role }) => role).join(", ")}`);
  }

  async #left(observer: SimulatedBroker) {
    const jobs = await this.#settle(observer.streamState("MUSTER_JOBS"));
    const results = this.#server.messages("MUSTER_RESULTS");
    const tasks = this.#server.messages("MUSTER_TASKS").filter((each) => !isTombstone(each));
    const checkpoints = this.#server
      .messages("MUSTER_OUTCOMES")
      .filter(({ subject }) => /^muster\.checkpoints\.\d+\./.test(subject));
    const drained = {
      jobs: jobs.messages,
      results: results.map(({ subject, seq }) => `${seq} ${subject}`),
      tasks: tasks.map(({ subject }) => subject),
      checkpoints: checkpoints.map(({ subject }) => subject),
    };
    const count = jobs.messages + results.length + tasks.length + checkpoints.length;
    return { ...drained, isNothing: count === 0 };
  }

  // ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #elapsed(): number {
    return this.#clock.now() - this.#startedAt;
  }

  #later(ms: number, run: () => void): void {
    this.#clock.after(Math.max(1, ms), run);
  }

  /** Lets time pass until the promise has settled. */
  async #settle<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const noted = promise.finally(() => {
      isSettled = true;
    });
    noted.catch(() => {});
    while (!isSettled) await this.#clock.advance(1);
    return await noted;
  }

  #tell(line: string): void {
    this.#note(line);
    this.#onLine?.(`${String(this.#elapsed()).padStart(6)}  ${line}`);
  }

  /** The parts of a line, which would cost as much to join as to hash. */
  #note(...parts: string[]): void {
    let hash = this.#hash ^ this.#clock.now();
    for (const part of parts)
      for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ part.charCodeAt(i), 0x01000193);
    this.#hash = hash;
  }
}

async function* inPieces(data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of data)
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
}

function optionsOf(job: SimJob): Record<string, string | number> {
  const { reduce, onError, maxAttempts, priority, chunk, window, key, deadlineMs, delayMs } = job;
  const given = { chunk, window, key, deadline: deadlineMs, delay: delayMs };
  const options = Object.entries(given).filter(
    (entry): entry is [string, string | number] => entry[1] !== undefined,
  );
  return { reduce, onError, maxAttempts, priority, backoff: 20, ...Object.fromEntries(options) };
}

function isTombstone({ subject, data }: { subject: string; data: Uint8Array }): boolean {
  return subject.startsWith("muster.cursors.") && Buffer.from(data).toString().includes('"ended":true');
}
