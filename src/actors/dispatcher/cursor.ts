/** How far a large job is dispatched: the last message of every atomic batch of its tasks. */
import type { StoreMessage, StreamMessage } from "../../broker/port.ts";
import type { Dispatched } from "../../domain/scatter.ts";
import { InvalidBody, WriteConflict } from "../../errors.ts";
import type { ActorContext } from "../context.ts";
import { jsonOf } from "../json.ts";

/** A tombstone refuses the batch of a dispatcher that does not know yet that the job is over, for so long. */
const TOMBSTONE_SECONDS = 120;

export interface Cursor {
  dispatched: Dispatched;
  /** How many items the job has, once its input was read to the end. */
  total: number | undefined;
  /** Of the object that the items come from; its records are counted from its beginning. */
  version: string | undefined;
  /** The dispatcher that wrote it. */
  by: string;
  /** The job is over: nothing more may be released. */
  ended: boolean;
  /** Its sequence, which the next write expects; 0: there is none yet. */
  seq: number;
}

export const NO_CURSOR: Cursor = {
  dispatched: { next: 0, tasks: 0 },
  total: undefined,
  version: undefined,
  by: "",
  ended: false,
  seq: 0,
};

export async function readCursor({ broker, names }: ActorContext, job: string): Promise<Cursor> {
  const message = await broker.last(names.stream("tasks"), names.cursor(job));
  if (message === undefined) return NO_CURSOR;
  return decodeCursor(message);
}

/** @throws InvalidBody when the message is no cursor */
export function decodeCursor(message: StreamMessage): Cursor {
  const body = jsonOf<CursorBody>(message) ?? {};
  if (!isCursor(body)) throw new InvalidBody("A job's cursor cannot be read.", { path: message.subject });
  const { next, tasks, total, version, by, ended = false } = body;
  return { dispatched: { next, tasks }, total, version, by, ended, seq: message.seq };
}

function isCursor(body: Partial<CursorBody>): body is CursorBody {
  const { next, tasks, total = 0, version = "", by, ended = false } = body;
  return (
    [next, tasks, total].every(isCount) &&
    [version, by].every((text) => typeof text === "string") &&
    typeof ended === "boolean"
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

interface CursorBody extends Dispatched {
  total?: number;
  version?: string;
  by: string;
  ended?: boolean;
}

/** The message that moves a cursor from `before` to `dispatched`; it goes behind the tasks that do so. */
export function cursorMessage(
  { names, id }: ActorContext,
  job: string,
  move: Pick<Cursor, "dispatched" | "total" | "version"> & { before: Cursor },
): StoreMessage {
  const { before, dispatched, total, version } = move;
  const body: CursorBody = {
    ...dispatched,
    ...(total === undefined ? {} : { total }),
    ...(version === undefined ? {} : { version }),
    by: id,
  };
  return { subject: names.cursor(job), data: JSON.stringify(body), expectLast: before.seq, rollup: true };
}

/** Closes a job that is over, if it has a cursor, so that no dispatcher that slept can release more of it. */
export async function closeCursor(context: ActorContext, job: string): Promise<void> {
  for (;;) {
    // Read anew: another dispatcher may have moved it, or the answer to our own last batch was lost.
    const cursor = await readCursor(context, job);
    if (cursor.seq === 0 || cursor.ended) return;
    try {
      return await writeTombstone(context, job, cursor);
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}

/** @throws WriteConflict when the cursor was moved since */
async function writeTombstone(
  { broker, names, id }: ActorContext,
  job: string,
  cursor: Cursor,
): Promise<void> {
  await broker.store({
    subject: names.cursor(job),
    data: JSON.stringify({ ...cursor.dispatched, ended: true, by: id }),
    expectLast: cursor.seq,
    rollup: true,
    ttlSeconds: TOMBSTONE_SECONDS,
  });
}
