/** The fleet that a scenario measures: a server and actors as processes, with file storage, and a client here. */
import { Client } from "../../actors/client.ts";
import type { ClientJob } from "../../actors/submit.ts";
import { EPHEMERAL } from "../../bootstrap/embedded.ts";
import { joinFleet, type Node } from "../../bootstrap/node.ts";
import { bringUp, type Up } from "../../bootstrap/up.ts";
import { MusterError, Unexpected } from "../../errors.ts";
import { Names, type SubmissionVerb } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { Releasers } from "../../runtime/releasers.ts";
import { ENTRY } from "../actors/entry.ts";
import { tellSearch } from "../actors/search.ts";
import { tellUpEvent } from "../actors/up-events.ts";
import type { Shell } from "../shell.ts";
import type { Watched } from "./processes.ts";

export interface FleetShape {
  workers: number;
  /** Chunks that each worker runs at once. @default 1 */
  slots?: number;
}

export interface FleetGround {
  shell: Shell;
  /** Where the streams are kept. @default a folder that goes afterwards */
  data: string | undefined;
  signal: AbortSignal;
}

/** A job that was run to its end. */
export interface Ran {
  outcome: Outcome;
  /** From before its submission to its outcome, in milliseconds, as the client saw it. */
  ms: number;
}

/** However slow the machine: longer than this something is wrong. */
const PATIENCE_MS = 600_000;
const REQUEST_MS = 30_000;

export class Fleet {
  readonly up: Up;
  readonly node: Node;
  readonly client: Client;
  readonly #names = new Names();
  readonly #signal: AbortSignal;

  constructor(up: Up, node: Node, client: Client, signal: AbortSignal) {
    this.up = up;
    this.node = node;
    this.client = client;
    this.#signal = signal;
  }

  /** All processes that a job goes through, this one last. */
  get processes(): Watched[] {
    const { server, children } = this.up;
    const actors = children.map(({ plan, pid }) => ({ name: plan.name, pid: pid ?? 0 }));
    const before = server === undefined ? [] : [{ name: "nats-server", pid: server.pid }];
    return [...before, ...actors, { name: "client", pid: process.pid }];
  }

  /** @throws the error that it ended with */
  async run(job: ClientJob): Promise<Ran> {
    return await this.timed(() => this.client.submit(job));
  }

  /** Waits for the job that `submit` names, measured from before it. @throws the error that it ended with */
  async timed(submit: () => Promise<string>): Promise<Ran> {
    const begun = performance.now();
    const job = await submit();
    const outcome = await this.client.outcome(job, { timeoutMs: PATIENCE_MS, signal: this.#signal });
    const ms = performance.now() - begun;
    const { error, state } = outcome;
    if (error !== undefined)
      throw new MusterError(error.code, error.status, `Job ${job} (${state}): ${error.message}`);
    return { outcome, ms };
  }

  /** A request as any NATS client sends it; resolves with the time that it took, in milliseconds. */
  async request(kind: string, body: string, verb: SubmissionVerb = "run"): Promise<number> {
    const subject = this.#names.submission(verb, kind);
    const begun = performance.now();
    const answer = await this.node.broker.request(
      { subject, data: body },
      { timeoutMs: REQUEST_MS, signal: this.#signal },
    );
    const ms = performance.now() - begun;
    const text = Buffer.from(answer.data).toString("utf8");
    if (text.startsWith('{"error"')) throw new Unexpected(`${subject} answered ${text}`);
    return ms;
  }
}

/** Runs `work` on a fleet that is brought up for it, and stopped again whatever happens. */
export async function withFleet<T>(
  ground: FleetGround,
  shape: FleetShape,
  work: (fleet: Fleet) => Promise<T>,
): Promise<T> {
  const releasers = new Releasers();
  try {
    const up = await startUp(ground, shape);
    releasers.defer(() => (ground.signal.aborted ? up.abort() : up.stop()));
    const node = await joinFleet({ connection: up.connection });
    releasers.defer(() => node.close());
    const client = new Client(node.context("client"));
    releasers.defer(() => client.stop());
    await client.start();
    return await work(new Fleet(up, node, client, ground.signal));
  } finally {
    await releasers.release();
  }
}

function startUp(
  { shell, data = EPHEMERAL, signal }: FleetGround,
  { workers, slots }: FleetShape,
): Promise<Up> {
  return bringUp({
    entry: ENTRY,
    env: shell.env,
    cwd: shell.cwd,
    broker: { type: "embedded", port: -1, data, onStep: tellSearch(shell) },
    counts: { worker: workers },
    slots,
    logLevel: "error",
    onEvent: tellUpEvent(shell),
    signal,
  });
}
