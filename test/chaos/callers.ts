/** The callers of a chaos run: they hand in jobs in every way there is, and write down what they are told. */
import type { Client } from "../../src/actors/client.ts";
import { connect } from "../../src/bootstrap/connect.ts";
import type { InMessage } from "../../src/broker/port.ts";
import type { Muster } from "../../src/client/muster.ts";
import { timedId } from "../../src/runtime/id.ts";
import type { Dice } from "../sim/dice.ts";
import type { History, Way } from "./history.ts";
import { bodyOf, drawJob, type JobPlan, type Sizes } from "./job-plan.ts";
import { buriedIn, digestOf, outcomeIn } from "./streams-view.ts";

const WAYS: readonly Way[] = ["submit", "submit", "keyed", "publish", "request", "run", "watch"];
/** How long a caller waits for an outcome, in ms: longer than any chain of faults, and any large job on a busy machine. */
const PATIENCE_MS = 600_000;
/** How long it waits for the answer of `run` and `watch`. */
const ANSWER_MS = 30_000;
const AGAIN_MS = 300;

export interface CallersOptions {
  server: string;
  history: History;
  dice: Dice;
  /** The number of their first job: no two jobs of a run may have the same. */
  firstJob: number;
  callers: number;
  /** Jobs that one caller has under way at once. */
  atOnce: number;
  sizes: Sizes;
}

export class Callers {
  readonly #options: CallersOptions;
  readonly #connected: Muster[] = [];
  #loops: Promise<void>[] = [];
  #stopping = false;
  #nextJob: number;
  #underWay = 0;

  constructor(options: CallersOptions) {
    this.#options = options;
    this.#nextJob = options.firstJob;
  }

  /** The number of the next job. */
  get nextJob(): number {
    return this.#nextJob;
  }

  get underWay(): number {
    return this.#underWay;
  }

  async start(): Promise<void> {
    const { callers, atOnce, server } = this.#options;
    for (let number = 1; number <= callers; number++) {
      const name = `caller-${number}`;
      const connected = await connect({ server, name, env: {} });
      this.#connected.push(connected);
      for (let lane = 0; lane < atOnce; lane++) this.#loops.push(this.#loop(name, connected.client));
    }
  }

  /** Hands in no more; resolves when all that is under way has ended, or was given up. */
  async finish(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#loops);
    this.#loops = [];
  }

  async close(): Promise<void> {
    await Promise.all(this.#connected.map((connected) => connected.close()));
  }

  async #loop(name: string, client: Client): Promise<void> {
    const { dice, history, sizes } = this.#options;
    while (!this.#stopping) {
      const plan = drawJob(dice, { number: this.#nextJob++, sizes });
      const call = new Call({ client, history, plan, way: dice.pick(WAYS), name });
      this.#underWay++;
      await call.make();
      this.#underWay--;
    }
  }
}

interface CallOptions {
  client: Client;
  history: History;
  plan: JobPlan;
  way: Way;
  name: string;
}

/** One job of one caller. */
class Call {
  readonly #options: CallOptions;

  constructor(options: CallOptions) {
    this.#options = options;
  }

  async make(): Promise<void> {
    const { history, plan, way } = this.#options;
    history.write({ what: "submitting", plan, way });
    try {
      await (way === "run" || way === "watch" ? this.#callAndWait(way) : this.#submitAndFollow());
    } catch (error) {
      history.write({ what: "unknown", label: plan.label, reason: String(error) });
      await pause();
    }
  }

  // ── handed in first, followed then ───────────────────────────────────────────────────────────────────────────

  async #submitAndFollow(): Promise<void> {
    const { client, history, plan, name } = this.#options;
    const job = await this.#submit();
    history.write({ what: "accepted", label: plan.label, job });
    const off = client.onProgress(job, ({ items, state }) => {
      if (state !== undefined) return;
      history.write({ what: "progress", job, items, heard: name });
      if (plan.cancelAt !== undefined && items >= plan.cancelAt) this.#cancel(job);
    });
    if (plan.cancelAt === 0) this.#cancel(job);
    await this.#follow(job).finally(off);
  }

  async #submit(): Promise<string> {
    const { client, plan, way } = this.#options;
    const { kind, label } = plan;
    const body = bodyOf(plan);
    const options = optionsOf(plan);
    if (way === "submit") return await client.submit({ kind, body, options });
    if (way === "request") return await this.#request();
    if (way === "keyed")
      return await surely(() => client.submit({ kind, body, options: { ...options, key: `key-${label}` } }));
    const job = timedId(Date.now(), Math.random);
    const headers = { ...headersOf(plan), "Muster-Job": job };
    await surely(() => client.broker.store({ subject: `muster.jobs.${kind}`, data: body, headers }));
    return job;
  }

  async #request(): Promise<string> {
    const { client, plan } = this.#options;
    const answer = await client.broker.request(
      { subject: `muster.submit.${plan.kind}`, data: bodyOf(plan), headers: headersOf(plan) },
      { timeoutMs: 5_000 },
    );
    const { job } = JSON.parse(textOf(answer)) as { job?: string };
    if (job === undefined) throw new Error(textOf(answer));
    return job;
  }

  async #follow(job: string): Promise<void> {
    const { client, history, plan } = this.#options;
    const { label } = plan;
    try {
      const { state, counts, failures, ...outcome } = await client.outcome(job, { timeoutMs: PATIENCE_MS });
      const parts: Uint8Array[] = [];
      for await (const part of client.resultBytes({ state, counts, failures, ...outcome })) parts.push(part);
      const { items, failed } = counts;
      const buried = buriedIn(failures);
      const digest = digestOf(Buffer.concat(parts));
      history.write({ what: "outcome", label, job, state, items, failed, buried, digest });
    } catch {
      history.write({ what: "missing", label, job });
    }
  }

  #cancel(job: string): void {
    const { client, history } = this.#options;
    history.write({ what: "cancelling", job });
    client.cancel(job).catch(() => {}); // It may be over already, or the answer is lost.
  }

  // ── handed in and waited for at once ─────────────────────────────────────────────────────────────────────────

  async #callAndWait(way: "run" | "watch"): Promise<void> {
    const { history, plan } = this.#options;
    const answer = way === "run" ? await this.#run() : await this.#watch();
    const job = answer.headers["Muster-Job"];
    if (job === undefined) throw new Error(textOf(answer));
    history.write({ what: "accepted", label: plan.label, job });
    if (answer.headers["Muster-Object"] !== undefined) return await this.#follow(job);
    history.write({ what: "outcome", label: plan.label, ...outcomeIn(job, answer.headers, answer.data) });
  }

  async #run(): Promise<InMessage> {
    const { client, plan } = this.#options;
    return await client.broker.request(
      { subject: `muster.run.${plan.kind}`, data: bodyOf(plan), headers: headersOf(plan) },
      { timeoutMs: ANSWER_MS },
    );
  }

  /** Resolves with the message that carries the outcome. */
  #watch(): Promise<InMessage> {
    const { client, plan } = this.#options;
    const reply = client.broker.inbox();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        subscription.close();
        settle();
      };
      const timer = setTimeout(() => end(() => reject(new Error("watched in vain"))), ANSWER_MS);
      const subscription = client.broker.subscribe(reply, (message) => {
        if (message.headers["Muster-State"] !== undefined) return end(() => resolve(message));
        if (message.headers["Nats-Service-Error"] !== undefined)
          return end(() => reject(new Error(message.headers["Nats-Service-Error"])));
        this.#noteWatched(message, reply);
      });
      const headers = headersOf(plan);
      client.broker.publish({ subject: `muster.watch.${plan.kind}`, data: bodyOf(plan), headers, reply });
    });
  }

  #noteWatched(message: InMessage, heard: string): void {
    if (message.data.length === 0) return;
    const { job, items } = JSON.parse(textOf(message)) as { job: string; items?: number };
    if (items !== undefined) this.#options.history.write({ what: "progress", job, items, heard });
  }
}

function optionsOf(plan: JobPlan): Record<string, string | number> {
  const { reduce, onError, maxAttempts, priority, deadlineMs, chunk } = plan;
  return {
    ...{ reduce, onError, maxAttempts, priority },
    ...(deadlineMs === undefined ? {} : { deadline: deadlineMs }),
    ...(chunk === undefined ? {} : { chunk }),
  };
}

function headersOf(plan: JobPlan): Record<string, string> {
  const entries = Object.entries(optionsOf(plan));
  return Object.fromEntries(entries.map(([name, value]) => [`Muster-${name}`, String(value)]));
}

function textOf({ data }: InMessage): string {
  return Buffer.from(data).toString("utf8");
}

/** Tries again until it succeeds: what is handed in twice under one name is one job. */
async function surely<T>(submit: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await submit();
    } catch {
      await pause();
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
}
