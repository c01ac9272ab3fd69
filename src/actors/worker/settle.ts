/** Storing what came of a task: dead letters, then the result. The task is acknowledged by the caller, afterwards. */
import type { StoreMessage } from "../../broker/port.ts";
import { onResult, startGather } from "../../domain/gather.ts";
import type { ItemFailure } from "../../domain/pass.ts";
import { receiptHead } from "../../domain/receipt.ts";
import { joinPartials, type OrderedName, type Reducer } from "../../domain/reducers/index.ts";
import { type MusterError, toMusterError } from "../../errors.ts";
import { encodeDeadLetter } from "../../protocol/dead-letter.ts";
import { encodeJson, splitArray } from "../../protocol/json.ts";
import { encodeResult, type Result, type Task, type TaskItems } from "../../protocol/messages.ts";
import { HEADER } from "../../protocol/names.ts";
import type { ItemRange, JobSpec } from "../../protocol/spec.ts";
import type { ActorContext } from "../context.ts";
import { type Ending, endJob, NO_COUNTS } from "../outcomes.ts";
import { storeSurely } from "../store-surely.ts";
import { TaskWriter } from "../tasks.ts";
import { HEADER_ROOM, type ResultStore, subjectOf } from "./result-store.ts";

/** Through what results go. */
export interface SettlingGround {
  context: ActorContext;
  results: ResultStore;
}

export interface SettledTask {
  result: Result;
  reducer: Reducer;
  failures: readonly ItemFailure[];
  /** The job's spec as the task carried it. */
  specText: string | undefined;
}

/**
 * Stores a result, surely: while the broker is away or full it is tried again, until `signal` aborts. A second copy does
 * no harm, since gathering counts each item once.
 */
export function storeResult(
  ground: SettlingGround,
  settled: SettledTask,
  signal: AbortSignal,
): Promise<void> {
  const { context, results } = ground;
  const { result, specText } = settled;
  if (settled.failures.length > 0) return storeFailures(ground, settled, signal);
  if (isWhole(result)) return endWholeJob(context, settled, signal);
  if (isLarge(context, result)) return storeLarge(context, settled, signal);
  return results.store(result, specText, signal);
}

async function storeFailures(
  ground: SettlingGround,
  settled: SettledTask,
  signal: AbortSignal,
): Promise<void> {
  const { result, failures } = settled;
  await Promise.all(failures.map((failure) => bury(ground.context, result, failure, signal)));
  await storeResult(ground, { ...settled, failures: [] }, signal);
}

/** A result of all items is the job's outcome: there is nothing to gather. */
function isWhole({ spec, from, count }: Result): boolean {
  return from === 0 && count === spec.total;
}

async function endWholeJob(
  context: ActorContext,
  { result, reducer }: SettledTask,
  signal: AbortSignal,
): Promise<void> {
  const { spec, partial, handlerMs, failures } = result;
  const state = startGather(spec, reducer);
  onResult(state, reducer, { result, seq: 0, bytes: partial.length, now: context.clock.now() });
  const ending: Ending = {
    job: spec.job,
    kind: spec.kind,
    state: "succeeded",
    counts: { items: result.count, failed: failures.length, tasks: 1, duplicates: 0, handlerMs },
    submitted: spec.submitted,
    started: context.clock.now(),
    failures: state.failures,
    receipt: receiptHead(state.receipt),
    reply: spec.reply,
    output: spec.output,
  };
  try {
    if (state.verdict?.state === "failed") throw state.verdict.error;
    ending.result = reducer.ordered
      ? joinPartials(reducer.name as OrderedName, [partial])
      : encodeJson(reducer.finish(state.accumulator));
  } catch (error) {
    ending.state = "failed";
    ending.error = toMusterError(error);
  }
  await endJob(context, ending, signal);
}

/** Ends a job that cannot go on. */
export async function failJob(
  context: ActorContext,
  { spec, error }: { spec: JobSpec; error: MusterError },
  signal: AbortSignal,
): Promise<void> {
  const { job, kind, submitted, reply } = spec;
  await endJob(context, { job, kind, state: "failed", counts: NO_COUNTS, submitted, error, reply }, signal);
}

function isLarge({ broker }: ActorContext, { partial }: Result): boolean {
  return Buffer.byteLength(partial) > broker.maxPayload - HEADER_ROOM;
}

/** A partial larger than a message goes through the object store. */
async function storeLarge(
  context: ActorContext,
  { result, specText }: SettledTask,
  signal: AbortSignal,
): Promise<void> {
  const { broker, names } = context;
  const object = `${result.spec.job}-part-${result.from}-${result.count}`;
  const objects = await broker.objects(names.outputs);
  await objects.put(object, [Buffer.from(result.partial)]);
  const message = encodeResult({ ...result, partial: "", object }, specText);
  await storeSurely(context, { subject: subjectOf(context, result), ...message }, signal);
}

async function bury(
  context: ActorContext,
  { spec }: Result,
  failure: ItemFailure,
  signal: AbortSignal,
): Promise<void> {
  const { names, events } = context;
  const { job, kind } = spec;
  const { index, code, message, attempt: attempts, input } = failure;
  const letter = encodeDeadLetter({ job, kind, index, code, message, attempts, input });
  await storeSurely(context, { subject: names.dead(kind, job), ...letter, msgId: `${job}.${index}` }, signal);
  events.emit("item.dead", { job, kind, index, attempts, code, message });
}

/** Puts parts in a task's place, all or none. The caller acknowledges the whole afterwards. */
export async function split(context: ActorContext, task: Task, parts: readonly ItemRange[]): Promise<void> {
  const writer = new TaskWriter(context, task.spec);
  const items = task.spec.range === undefined ? itemsOf(task) : undefined;
  const messages = parts.map((part) => writer.message(part, partOf(task, items, part)));
  await context.broker.storeBatch(messages.map(asSuspect));
}

function asSuspect(message: StoreMessage): StoreMessage {
  return { ...message, headers: { ...message.headers, [HEADER.suspect]: "1" } };
}

/** What of a task's items falls to a part of it; `items` are undefined where the task is of a range. */
export function partOf(task: Task, items: readonly string[] | undefined, part: ItemRange): TaskItems {
  const start = part.from - task.from;
  const end = start + part.count;
  const invalid = (task.invalid ?? [])
    .filter(({ offset }) => offset >= start && offset < end)
    .map(({ offset, message }) => ({ offset: offset - start, message }));
  return { items: items === undefined ? "" : `[${items.slice(start, end).join(",")}]`, invalid };
}

/** The JSON texts of a task's items. */
export function itemsOf(task: Task): string[] {
  const { items } = task;
  return splitArray(typeof items === "string" ? items : Buffer.from(items).toString("utf8"));
}
