/** An aggregator's state in the outcomes stream: one message a job that has one, and the partition's position. */
import type { StreamMessage } from "../../broker/port.ts";
import { Coverage } from "../../domain/coverage.ts";
import type { GatherState } from "../../domain/gather.ts";
import { isSavedReceipt, restoreReceipt, type SavedReceipt, saveReceipt } from "../../domain/receipt.ts";
import type { Reducer } from "../../domain/reducers/index.ts";
import { InvalidBody } from "../../errors.ts";
import { type Failure, isFailure } from "../../protocol/failure.ts";
import { isSpec, type JobSpec } from "../../protocol/spec.ts";
import type { ActorContext } from "../context.ts";
import { jsonOf } from "../json.ts";
import { readThrough } from "../read-through.ts";

/** What of a gather state outlives the process. Ordered jobs have none: they are replayed. */
interface JobCheckpoint {
  spec: JobSpec;
  coverage: number[];
  total?: number;
  tasks: number;
  duplicates: number;
  failed: number;
  handlerMs: number;
  bytes: number;
  failures: readonly Failure[];
  receipt: SavedReceipt;
  started?: number;
  firstSeq: number;
  /** All results up to this sequence are in it. */
  upTo: number;
  /** The reducer's state, as it encodes it. */
  accumulator: string;
}

export function encodeJobCheckpoint(state: GatherState, reducer: Reducer, upTo: number): string {
  const { spec, coverage, total, tasks, duplicates, failed, handlerMs, bytes } = state;
  const { failures, receipt, started, firstSeq } = state;
  const checkpoint: JobCheckpoint = {
    spec,
    coverage: coverage.toJSON(),
    ...(total === undefined ? {} : { total }),
    tasks,
    duplicates,
    failed,
    handlerMs,
    bytes,
    failures,
    receipt: saveReceipt(receipt),
    ...(started === undefined ? {} : { started }),
    firstSeq,
    upTo,
    accumulator: reducer.encode(state.accumulator),
  };
  return JSON.stringify(checkpoint);
}

export interface RestoredJob {
  state: GatherState;
  upTo: number;
  revision: number;
}

/** @throws InvalidBody when the message is no checkpoint, and what `reducerOf` throws */
export function decodeJobCheckpoint(
  message: StreamMessage,
  reducerOf: (spec: JobSpec) => Reducer,
): RestoredJob {
  const checkpoint = jsonOf<JobCheckpoint>(message) ?? {};
  if (!isCheckpoint(checkpoint)) throw unreadable(message);
  const reducer = reducerOf(checkpoint.spec);
  const { coverage, accumulator, upTo, total, started, failures, receipt, ...rest } = checkpoint;
  const state: GatherState = {
    ...rest,
    coverage: Coverage.fromJSON(coverage),
    accumulator: reducer.decode(accumulator),
    pieces: [],
    failures: [...failures],
    receipt: restoreReceipt(receipt),
    total,
    started,
    verdict: undefined,
  };
  return { state, upTo, revision: message.seq };
}

function isCheckpoint(value: Partial<JobCheckpoint>): value is JobCheckpoint {
  const { spec, tasks, duplicates, failed, handlerMs, bytes, firstSeq, upTo, total = 0, started = 0 } = value;
  return (
    isSpec(spec) &&
    [tasks, duplicates, failed, bytes, firstSeq, upTo, total].every((count) => Number.isSafeInteger(count)) &&
    [handlerMs, started].every((ms) => Number.isFinite(ms)) &&
    Array.isArray(value.failures) &&
    value.failures.every(isFailure) &&
    isSavedReceipt(value.receipt) &&
    typeof value.accumulator === "string"
  );
}

function unreadable({ subject }: StreamMessage): InvalidBody {
  return new InvalidBody(`The checkpoint ${subject} cannot be read.`, { path: subject });
}

/** Where a takeover begins to replay. */
export interface Position {
  fromSeq: number;
  /** Sequence of the message that says so; 0: there is none. */
  revision: number;
}

export async function readPosition({ broker, names }: ActorContext, partition: number): Promise<Position> {
  const message = await broker.last(names.stream("outcomes"), names.checkpoint(partition));
  if (message === undefined) return { fromSeq: 1, revision: 0 };
  return decodePosition(message);
}

/** @throws InvalidBody when the message says no position */
export function decodePosition(message: StreamMessage): Position {
  const { fromSeq = 0 } = jsonOf<{ fromSeq: number }>(message) ?? {};
  if (!Number.isSafeInteger(fromSeq) || fromSeq < 1) throw unreadable(message);
  return { fromSeq, revision: message.seq };
}

/** @throws WriteConflict when another aggregator wrote since */
export async function writePosition(
  context: ActorContext,
  partition: number,
  position: Position,
): Promise<number> {
  const { broker, names, id } = context;
  const stored = await broker.store({
    subject: names.checkpoint(partition),
    data: JSON.stringify({ fromSeq: position.fromSeq, by: id }),
    expectLast: position.revision,
  });
  return stored.seq;
}

/** All job checkpoints of a partition, as they are now. */
export async function readJobCheckpoints(context: ActorContext, partition: number): Promise<StreamMessage[]> {
  const { names } = context;
  return await readThrough(context, {
    stream: names.stream("outcomes"),
    filter: names.jobCheckpoint(partition, "*"),
  });
}
