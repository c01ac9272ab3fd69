/** `muster status`: jobs, workers and queues; or one job. */
import type { Command } from "commander";
import type { Client } from "../../actors/client.ts";
import type { JobView } from "../../actors/dispatcher/job-verbs.ts";
import type { Broker } from "../../broker/port.ts";
import { JOB_CONSUMER } from "../../broker/topology.ts";
import { InvalidOption, RequestFailed } from "../../errors.ts";
import { checkToken, Names, STREAM_ROLES, type StreamRole } from "../../protocol/names.ts";
import { outcomeView } from "../render/outcome.ts";
import { say, writeData, writeJson } from "../render/output.ts";
import {
  formatFleetLine,
  formatJob,
  formatJobs,
  formatQueues,
  formatStreams,
  formatWorkers,
} from "../render/status.ts";
import { addConnectOptions, type ConnectOptions, type Shell, withClient } from "../shell.ts";
import { askFleet, type FleetView } from "./actors.ts";

interface StatusOptions extends ConnectOptions {
  limit: string;
  json?: boolean;
}

export function registerStatus(program: Command, shell: Shell): void {
  const command = program
    .command("status")
    .description("Show jobs, workers and queues, or one job")
    .argument("[job]", "the id of one job")
    .option("-n, --limit <n>", "jobs to show, running ones first", "20")
    .option("--json", "print one object")
    .addHelpText("after", HELP)
    .action((job: string | undefined, options: StatusOptions) =>
      job === undefined ? status(shell, options) : statusOfJob(shell, job, options),
    );
  addConnectOptions(command);
}

// ── one job ────────────────────────────────────────────────────────────────────────────────────────────────────

async function statusOfJob(shell: Shell, job: string, options: StatusOptions): Promise<void> {
  checkToken("job id", job);
  await withClient(shell, options, async (client) => {
    const outcome = await client.peek(job);
    const found = outcome ?? (await client.ask<JobView>("get", { job }));
    if (!options.json) await writeData(shell, formatJob(found));
    else await writeJson(shell, "counts" in found ? outcomeView(found) : found);
  });
}

// ── everything ─────────────────────────────────────────────────────────────────────────────────────────────────

export interface StreamView {
  stream: string;
  messages: number;
  bytes: number;
}

/** What waits in a work queue. */
export interface QueueView {
  queue: string;
  /** Messages that nobody has taken yet. */
  pending: number;
  /** Messages that someone works on. */
  unacknowledged: number;
}

async function status(shell: Shell, options: StatusOptions): Promise<void> {
  const limit = limitOf(options.limit);
  const names = new Names(options.prefix);
  await withClient(shell, options, async (client) => {
    const [jobs, fleet, streams, queues] = await Promise.all([
      jobsOf(shell, client, limit),
      askFleet(client, names),
      streamsOf(client.broker, names),
      queuesOf(client.broker, names),
    ]);
    if (options.json) await writeJson(shell, { jobs, ...fleet, streams, queues });
    else await writeData(shell, sections({ jobs, fleet, streams, queues }));
  });
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new InvalidOption("--limit", `"${text}" is not a whole number from 1 to 1000.`);
}

/** Only a dispatcher knows the jobs; without one the rest is shown all the same. */
async function jobsOf(shell: Shell, client: Client, limit: number): Promise<JobView[]> {
  try {
    return await client.list(limit);
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    say(shell, "No dispatcher answers, so jobs cannot be listed.");
    return [];
  }
}

async function streamsOf(broker: Broker, names: Names): Promise<StreamView[]> {
  return await Promise.all(STREAM_ROLES.map((role) => streamOf(broker, names.stream(role))));
}

async function streamOf(broker: Broker, stream: string): Promise<StreamView> {
  const { messages, bytes } = await broker.streamState(stream);
  return { stream, messages, bytes };
}

async function queuesOf(broker: Broker, names: Names): Promise<QueueView[]> {
  const [jobs, tasks] = await Promise.all([
    queuesIn(broker, names, "jobs"),
    queuesIn(broker, names, "tasks"),
  ]);
  return [...jobs, ...tasks];
}

/** Consumers of other names are someone's own: a task's consumer is named for its kind and priority. */
async function queuesIn(broker: Broker, names: Names, role: StreamRole): Promise<QueueView[]> {
  const states = await broker.consumerStates(names.stream(role));
  const ours = states.filter(({ name }) => name === JOB_CONSUMER || name.startsWith("tasks_"));
  return ours.map(({ name, pending, unacknowledged }) => ({
    queue: queueName(name),
    pending,
    unacknowledged,
  }));
}

/** `tasks_double_normal` is shown as `double`, `tasks_double_high` as `double (high)`. */
function queueName(consumer: string): string {
  if (consumer === JOB_CONSUMER) return "jobs";
  const [, kind = consumer, priority] = /^tasks_(.+)_(high|normal|low)$/.exec(consumer) ?? [];
  return priority === undefined || priority === "normal" ? kind : `${kind} (${priority})`;
}

interface Shown {
  jobs: readonly JobView[];
  fleet: FleetView;
  streams: readonly StreamView[];
  queues: readonly QueueView[];
}

function sections({ jobs, fleet, streams, queues }: Shown): string {
  const now = Date.now();
  const busy = queues.filter(({ pending, unacknowledged }) => pending + unacknowledged > 0);
  return [
    formatFleetLine(fleet),
    formatJobs(jobs, now),
    formatWorkers(fleet.workers, now),
    formatQueues(busy),
    formatStreams(streams),
  ].join("\n");
}

const HELP = `
Examples:
  $ muster status
  $ muster status 0mgh3k2x9f8a
  $ muster status --json | jq '.jobs[] | select(.state == "running")'`;
