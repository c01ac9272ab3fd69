/** Reads the streams once a chaos run is over, for the checker: outcomes, dead letters, and whatever should not be there. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { History } from "./history.ts";
import { outcomeIn, type StoredMessage, type StreamsView } from "./streams-view.ts";

/** Writes what the streams hold; results go into files of their own, named after their jobs. */
export async function collect(view: StreamsView, history: History, folder: string): Promise<void> {
  const results = join(folder, "results");
  await mkdir(results, { recursive: true });
  const objects = new Set<string>();
  for await (const message of view.messages("MUSTER_OUTCOMES", "muster.outcomes.*"))
    await noteOutcome({ view, history, results, objects }, message);
  for await (const message of view.messages("MUSTER_DEAD")) noteDead(history, message);
  for await (const { subject, body } of leftovers(view))
    history.write({ what: "left", thing: `message ${subject} ${body.toString().slice(0, 80)}` });
  await noteStores(view, history, objects);
  await noteConsumers(view, history);
}

interface Outcomes {
  view: StreamsView;
  history: History;
  results: string;
  objects: Set<string>;
}

async function noteOutcome({ view, history, results, objects }: Outcomes, message: StoredMessage): Promise<void> {
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

/** Whether nothing is left of jobs that are over but their outcomes and dead letters. */
export async function isTidy(view: StreamsView): Promise<boolean> {
  for await (const _ of leftovers(view)) return false;
  return true;
}

/** What should not be there once all jobs are over. */
async function* leftovers(view: StreamsView): AsyncGenerator<StoredMessage> {
  yield* view.messages("MUSTER_JOBS");
  yield* view.messages("MUSTER_RESULTS");
  for (const kept of ["muster.checkpoints.*.*", "muster.deaths.*.*"])
    yield* view.messages("MUSTER_OUTCOMES", kept);
  for await (const message of view.messages("MUSTER_TASKS")) if (!isTombstone(message)) yield message;
}

/** What is written over the cursor of a job that is over vanishes by itself. */
function isTombstone({ subject, headers }: StoredMessage): boolean {
  return subject.startsWith("muster.cursors.") && headers["Nats-TTL"] !== undefined;
}

async function noteStores(view: StreamsView, history: History, objects: ReadonlySet<string>): Promise<void> {
  for (const { config } of await view.streams()) {
    const bucket = config.name.slice(config.name.indexOf("_") + 1);
    if (config.name.startsWith("KV_")) await noteKeys(view, history, bucket);
    if (config.name.startsWith("OBJ_")) await noteObjects({ view, history, bucket, objects });
  }
}

async function noteKeys(view: StreamsView, history: History, bucket: string): Promise<void> {
  for await (const { subject, headers } of view.messages(`KV_${bucket}`)) {
    const key = subject.slice(`$KV.${bucket}.`.length);
    if (key === "settings" || headers["KV-Operation"] !== undefined) continue;
    history.write({ what: "left", thing: `key ${key} of ${bucket}` });
  }
}

interface Objects {
  view: StreamsView;
  history: History;
  bucket: string;
  objects: ReadonlySet<string>;
}

/** Only what an outcome points at. */
async function noteObjects({ view, history, bucket, objects }: Objects): Promise<void> {
  for await (const { body } of view.messages(`OBJ_${bucket}`, `$O.${bucket}.M.>`)) {
    const { name, deleted = false } = JSON.parse(body.toString()) as { name: string; deleted?: boolean };
    if (!deleted && !objects.has(`${bucket}/${name}`))
      history.write({ what: "left", thing: `object ${bucket}/${name}` });
  }
}

/** Only the durable consumers, which all actors share. */
async function noteConsumers(view: StreamsView, history: History): Promise<void> {
  for (const { config } of await view.streams()) {
    for (const name of await view.consumersOf(config.name)) {
      if (name === "dispatchers" || name.startsWith("tasks_")) continue;
      history.write({ what: "left", thing: `consumer ${name} of ${config.name}` });
    }
  }
}

function lastToken(subject: string): string {
  return subject.slice(subject.lastIndexOf(".") + 1);
}
