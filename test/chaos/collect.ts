/** Reads the streams once a chaos run is over, for the checker: outcomes, dead letters, and whatever should not be there. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { History } from "./history.ts";
import { outcomeIn, type StoredMessage, type StreamsView } from "./streams-view.ts";

/** How long the actors may take to tidy up, in ms; before that, jobs that no caller waits for any more have to end. */
const TIDY_LIMIT_MS = 300_000;
const LOOK_MS = 250;

/** Resolves when the actors have tidied up after all jobs, or will not any more. */
export async function untilTidy(view: StreamsView): Promise<void> {
  const deadline = Date.now() + TIDY_LIMIT_MS;
  while (Date.now() < deadline && (await hasAny(messagesLeft(view)))) await delay(LOOK_MS);
}

/** Writes what the streams hold; results go into files of their own, named after their jobs. */
export async function collect(view: StreamsView, history: History, folder: string): Promise<void> {
  const results = join(folder, "results");
  await mkdir(results, { recursive: true });
  const objects = new Set<string>();
  for await (const message of view.messages("MUSTER_OUTCOMES", "muster.outcomes.*"))
    await noteOutcome({ view, history, results, objects }, message);
  for await (const message of view.messages("MUSTER_DEAD")) noteDead(history, message);
  for (const left of [messagesLeft(view), consumersLeft(view), keysLeft(view), objectsLeft(view, objects)])
    for await (const thing of left) history.write({ what: "left", thing });
}

async function hasAny(things: AsyncIterable<string>): Promise<boolean> {
  for await (const _ of things) return true;
  return false;
}

interface Outcomes {
  view: StreamsView;
  history: History;
  results: string;
  objects: Set<string>;
}

async function noteOutcome(
  { view, history, results, objects }: Outcomes,
  message: StoredMessage,
): Promise<void> {
  const { seq, subject, headers, body } = message;
  const job = lastToken(subject);
  const object = headers["Muster-Object"];
  if (object !== undefined) objects.add(object);
  const bytes = object === undefined ? body : await view.object(object);
  await writeFile(join(results, job), bytes);
  history.write({ what: "standing", seq, ...outcomeIn(job, headers, bytes) });
}

function noteDead(history: History, { subject, body }: StoredMessage): void {
  const letter = JSON.parse(body.toString()) as { index: number; attempts: number; error: { code: string } };
  const { index, attempts, error } = letter;
  history.write({ what: "dead", job: lastToken(subject), index, attempts, code: error.code });
}

// ── what should not be there once all jobs are over ────────────────────────────────────────────────────────────

/** Messages, but for outcomes, dead letters, events and the positions of partitions. */
async function* messagesLeft(view: StreamsView): AsyncGenerator<string> {
  yield* described(view.messages("MUSTER_JOBS"));
  yield* described(view.messages("MUSTER_RESULTS"));
  yield* described(view.messages("MUSTER_OUTCOMES", "muster.checkpoints.*.*"));
  yield* described(view.messages("MUSTER_OUTCOMES", "muster.deaths.*.*"));
  yield* described(view.messages("MUSTER_TASKS"));
}

/** Those with a time to live, as the tombstones of cursors, vanish by themselves. */
async function* described(messages: AsyncIterable<StoredMessage>): AsyncGenerator<string> {
  for await (const { subject, headers, body } of messages) {
    if (headers["Nats-TTL"] === undefined) yield `message ${subject} ${body.toString().slice(0, 80)}`;
  }
}

/** Consumers, but for the durable ones that all actors share; those of readers that died vanish by themselves. */
async function* consumersLeft(view: StreamsView): AsyncGenerator<string> {
  for (const { config } of await view.streams()) {
    for (const { name, config: consumer } of await view.consumersOf(config.name)) {
      const isShared = name === "dispatchers" || name.startsWith("tasks_");
      if (!isShared && !consumer.inactive_threshold) yield `consumer ${name} of ${config.name}`;
    }
  }
}

/** Keys, but for the settings. */
async function* keysLeft(view: StreamsView): AsyncGenerator<string> {
  for (const bucket of await bucketsOf(view, "KV_")) {
    for await (const { subject, headers } of view.messages(`KV_${bucket}`)) {
      const key = subject.slice(`$KV.${bucket}.`.length);
      if (key !== "settings" && headers["KV-Operation"] === undefined) yield `key ${key} of ${bucket}`;
    }
  }
}

/** Objects, but for those that an outcome points at. */
async function* objectsLeft(view: StreamsView, kept: ReadonlySet<string>): AsyncGenerator<string> {
  for (const bucket of await bucketsOf(view, "OBJ_")) {
    for await (const { body } of view.messages(`OBJ_${bucket}`, `$O.${bucket}.M.>`)) {
      const { name, deleted = false } = JSON.parse(body.toString()) as { name: string; deleted?: boolean };
      if (!deleted && !kept.has(`${bucket}/${name}`)) yield `object ${bucket}/${name}`;
    }
  }
}

async function bucketsOf(view: StreamsView, prefix: string): Promise<string[]> {
  const names = (await view.streams()).map(({ config }) => config.name);
  return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

function lastToken(subject: string): string {
  return subject.slice(subject.lastIndexOf(".") + 1);
}
