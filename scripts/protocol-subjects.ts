/** The subjects, streams, buckets and headers of docs/protocol.md. */

import { topologyOptions } from "../src/bootstrap/settings.ts";
import type { StreamPlan } from "../src/broker/port.ts";
import { JOB_CONSUMER, topologyOf } from "../src/broker/topology.ts";
import {
  HEADER,
  JOB_VERBS,
  type JobVerb,
  Names,
  PRIORITIES,
  type StreamRole,
  SUBMISSION_VERBS,
  type SubmissionVerb,
} from "../src/protocol/names.ts";
import { blocks, code, codes, table } from "./markdown.ts";
import { settingsInForce } from "./protocol-settings.ts";

const names = new Names();
const job = "<job>";
const kind = "<kind>";

// ── subjects ─────────────────────────────────────────────────────────────────

const SUBMISSIONS: Record<SubmissionVerb, string> = {
  run: "Submits and waits: the reply is the result, or an error.",
  submit: 'Submits; the reply comes once the job is stored: `{"job":"…","state":"accepted"}`.',
  watch:
    "Submits and tells: `accepted` at once, progress every 250 ms, the result, then an empty message (`nats req --wait-for-empty`).",
};

const VERBS: Record<JobVerb, string> = {
  get: 'Where a job stands. Body `{"job":"…"}`.',
  list: 'Jobs under way, then those that ended lately, newest first. Body empty or `{"limit":100}`, at most 1000.',
  retry:
    'Hands in the items of a job that failed for good once more, as a new job, and removes their dead letters. Body `{"job":"…"}`; the reply is `{"job":"…","items":2,"kept":0}`, with the new job. Asked twice, it is the same job.',
  cancel: 'Ends a job as `cancelled`. Body `{"job":"…"}`; the reply is `{"job":"…","state":"cancelled"}`.',
  result: 'A job\'s outcome, headers and body. Body `{"job":"…"}`; error 409 while the job runs.',
  receipt:
    "What was counted of a job that is over, as JSON: see [Receipts](#receipts). Body and error as of `result`.",
};

/** What callers publish and request; a reply of an error carries `Nats-Service-Error-Code`. */
export function callersSubjects(): string {
  return table(
    ["subject", "meaning"],
    [
      [
        code(names.jobs(kind)),
        `Submits durably: the stream's acknowledgement means that the job is accepted (\`nats pub -J\`).`,
      ],
      ...SUBMISSION_VERBS.map((verb) => [code(names.submission(verb, kind)), SUBMISSIONS[verb]]),
      ...JOB_VERBS.map((verb) => [code(names.jobVerb(verb)), VERBS[verb]]),
      [code(names.outcome(job)), "The outcome, one message a job, ever."],
      [code("muster.events.<type>.<job>"), "Life-cycle events: see [events.md](events.md)."],
      [code(names.dead(kind, job)), "Items that failed for good, one message each."],
      [
        codes(["$SRV.PING", "$SRV.INFO", "$SRV.STATS"]),
        "Every actor answers the NATS service protocol (ADR-32) as `muster-dispatcher`, `muster-worker` or `muster-aggregator`.",
      ],
    ],
  );
}

/** What actors store for each other. Users may look, and should not write. */
export function actorsSubjects(): string {
  return table(
    ["subject", "meaning"],
    [
      [
        code(names.task({ kind, priority: "normal", job }).replace("normal", "<priority>")),
        `A task: a run of consecutive items. Priorities are ${codes(PRIORITIES)}.`,
      ],
      [
        code(names.cursor(job)),
        "How far a large job is dispatched; the last message of every batch of tasks.",
      ],
      [code(onPartition(names.result(0, job))), "The result of one task."],
      [code(onPartition(names.checkpoint(0))), "From which sequence of the results a takeover replays."],
      [code(onPartition(names.jobCheckpoint(0, job))), "What a partition has counted of one job."],
      [code(names.deaths(job, "<from>-<count>")), "How many workers died while they ran that task."],
    ],
  );
}

function onPartition(subject: string): string {
  return subject.replace(/\.0(?=\.|$)/, ".<partition>");
}

const CONTROL: Readonly<Record<string, string>> = {
  beat: "Every actor, every second: id, role, host, pid; workers also kinds and slots. Five seconds of silence count as gone.",
  "roll-call": "Whoever needs to know the fleet now: every actor beats at once.",
  progress: "Aggregators, many jobs in one message: how far each is, in absolute numbers.",
  query: "A dispatcher asks for the progress of one job to be told again.",
  standing:
    "A dispatcher whose job does not move, or a worker before it gives up an item that workers died with, asks which items are missing; the aggregator of its partition answers.",
  cancel: "A job is over: workers abort its tasks, aggregators forget it.",
  held: "A dispatcher asks the others which jobs they hold.",
  partitions: "An aggregator gave up a partition: another may claim it now.",
};

/** Broadcasts that nothing stores. */
export function controlSubjects(): string {
  return table(
    ["subject", "meaning"],
    Object.entries(CONTROL).map(([word, meaning]) => [code(names.control(word)), meaning]),
  );
}

// ── streams ──────────────────────────────────────────────────────────────────

const STREAMS: Record<StreamRole, string> = {
  jobs: "Jobs that are not over. An unacknowledged job is the lease of the dispatcher that holds it.",
  tasks: "Tasks that are not settled, and cursors.",
  results: "Results that the checkpoints do not cover; trimmed behind them.",
  outcomes: "Outcomes (with a time to live), checkpoints and death marks.",
  events: "Events: telemetry.",
  dead: "Dead letters.",
};

/** Streams, consumers and buckets, with the settings' defaults. */
export function streams(): string {
  const options = topologyOptions(names, settingsInForce());
  const plan = topologyOf(options);
  const roleOf = new Map(
    (Object.keys(STREAMS) as StreamRole[]).map((role) => [names.stream(role), STREAMS[role]]),
  );
  const rows = plan.streams.map((stream) => [
    code(stream.name),
    codes(stream.subjects),
    keeping(stream),
    percent(stream.maxBytes / options.maxBytes),
    roleOf.get(stream.name) ?? "",
  ]);
  return blocks(
    table(["stream", "subjects", "keeps", "share of maxBytes", "holds"], rows),
    `Consumers: ${code(JOB_CONSUMER)} on ${code(names.stream("jobs"))} for all dispatchers; on ${code(names.stream("tasks"))} one for each kind and priority, ${code(names.taskConsumer(kind, "normal"))}, for all workers that serve the kind. Their ack wait is the lease, and \`max_deliver\` is unlimited.`,
    table(
      ["bucket", "holds"],
      [
        [code(names.leases), "Key-value: the fleet's settings and the leases of partitions."],
        [code(names.inputs), "Objects: inputs that are larger than a message. Kept as long as outcomes."],
        [
          code(names.outputs),
          "Objects: results and partial results that are larger than a message. Kept as long as outcomes.",
        ],
      ],
    ),
  );
}

function keeping({ retention, discard, maxAgeMs, maxPerSubject, atomicBatches }: StreamPlan): string {
  const parts = [retention === "workqueue" ? "until settled" : ageOf(maxAgeMs)];
  if (maxPerSubject > 0) parts.push(`${maxPerSubject} a subject`);
  if (discard === "old") parts.push("when full the oldest go");
  if (discard === "new") parts.push("when full it refuses");
  if (atomicBatches) parts.push("atomic batches");
  return parts.join("; ");
}

function ageOf(ms: number): string {
  return ms === 0 ? "until removed" : `${ms / 3_600_000} h`;
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

// ── headers ──────────────────────────────────────────────────────────────────

/** Where each header stands, and what it says. */
const HEADERS: Record<keyof typeof HEADER, readonly [where: string, meaning: string]> = {
  msgId: ["job", "Idempotency key; the same as the option `key`."],
  serviceError: ["reply, outcome", "An error's sentence, on one line."],
  serviceErrorCode: ["reply, outcome", "An error's status: see [errors.md](errors.md)."],
  contentEncoding: [
    "job, task, result",
    "`gzip`: the body is compressed. See [compressed bodies](#the-body-of-a-job).",
  ],
  contentType: [
    "job, reply, published output",
    "`application/octet-stream`, `image/…`, `audio/…` or `video/…`: the body is bytes. See [binary data](#the-body-of-a-job).",
  ],
  job: [
    "job, outcome, dead letter",
    "The job's id. With `muster.jobs` a caller may set it; without it the id follows from the key, or is made up.",
  ],
  reply: ["job", "Where the result of a `run`, or the messages of a `watch`, go."],
  replyMode: ["job", "`run` or `watch`."],
  items: [
    "task, result; outcome",
    "Which items, as `from-last/total` (`*` while the total is not known). In an outcome: how many items were counted.",
  ],
  invalid: [
    "task",
    'How many items are records that could not be read: they fail without being run. The body\'s first line then names them, as `[[0,"Line 7 of the input: …"]]`.',
  ],
  suspect: [
    "task",
    "It is a part of a task that killed its workers: it is marked when it begins, and runs beside no other such task.",
  ],
  spec: ["task, result", "What workers and aggregators must know of the job, as JSON."],
  handlerMs: ["result", "Milliseconds that the handler ran for this chunk."],
  worker: ["result", "The worker's id."],
  tally: [
    "result",
    "What the receipt needs, as decimal numbers: `outputs attempts`, the digest of the inputs and that of the outputs (two words of 32 bits each, the higher one first), `began ended slots`; times in milliseconds since 1970.",
  ],
  pack: [
    "result",
    "The message stands for several results of its job and worker: `results since slots`. `Muster-Items` says between which items they lie. The body begins with a line of JSON, one list with twelve numbers a result: `from count bytes microseconds outputs attempts`, the two words of the digest of the inputs and those of the outputs (with their signs), `began ended` in milliseconds after `since`. The results' own bodies follow, one after the other.",
  ],
  failed: ["result, outcome", "How many items failed for good."],
  state: ["outcome", "`succeeded`, `failed`, `cancelled` or `expired`."],
  kind: ["outcome, dead letter", "The job's kind."],
  tasks: ["outcome", "How many tasks were counted."],
  duplicates: ["outcome", "How many results came again and were not counted."],
  submitted: ["outcome", "When the job was stored."],
  started: ["outcome", "When the first result came."],
  finished: ["outcome", "When the outcome was written."],
  handlerTotalMs: ["outcome", "Handler milliseconds of all counted tasks together."],
  errors: ["outcome", "The first failed items (20 at most) as JSON."],
  receipt: [
    "outcome",
    "What of the receipt stands in no other header, as JSON. `muster.job.receipt` puts it together.",
  ],
  object: [
    "result, outcome",
    "Name of the object that holds a body larger than a message; `BUCKET/NAME` in an outcome.",
  ],
  index: ["dead letter", "The item's number in its job, from 0."],
  attempts: ["dead letter", "How often it was tried."],
  expectedLastSubjectSequence: [
    "writes of actors",
    "Compare-and-set: the sequence that the subject's last message must have.",
  ],
  rollup: ["cursor", "`sub`: replaces the cursor before it."],
  ttl: ["outcome, tombstone, death mark", "The message removes itself after so long."],
};

/** All headers. */
export function headers(): string {
  const rows = (Object.keys(HEADERS) as (keyof typeof HEADER)[]).map((key) => [
    code(HEADER[key]),
    ...HEADERS[key],
  ]);
  return table(["header", "on", "meaning"], rows);
}
