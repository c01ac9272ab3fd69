/**
 * How a large job is cut and let out: a pure machine. It knows how far the job is dispatched, how much of that has come
 * back, and what the handler seems to cost; it answers with the chunks to release next.
 *
 * Sizes follow guided self-scheduling: small probes first, then chunks aimed at {@link TARGET_MS} of handler time,
 * never more than a fair share of what is left, so that all slots finish together.
 */
import { ImpossibleTransition } from "../errors.ts";
import type { ItemRange } from "../protocol/spec.ts";

/** Handler time that a chunk is aimed at: long enough to pay for its way, short enough to be fair and to be re-run. */
export const TARGET_MS = 50;
/** How much handler time may wait in the queue for each slot: what a newcomer finds at once, and a small job waits for. */
const QUEUE_MS = 200;
const MAX_WINDOW = 4096;
/** Tasks of a job's first batch, where the workers have no more than half as many slots. */
const FIRST_BATCH = 128;
/** A batch takes milliseconds whatever its size: so the small ones at the start must be few. */
const GROWTH = 8;
/** Items of a range task at most; its outputs must pass through one result. */
const MAX_CHUNK = 250_000;
/** A chunk's items and, judged by what came back, its outputs stay below this. */
export const MAX_CHUNK_BYTES = 256 * 1024;

export interface ScatterLimits {
  /** Items a task, where the caller fixed it. */
  chunk: number | undefined;
  /** Tasks out at once, where the caller fixed it. */
  window: number | undefined;
  /** Undefined while the input is still being read. */
  total: number | undefined;
}

/** What has come back, in absolute numbers, so that reports may be lost, repeated or overtaken. */
export interface Gathered {
  tasks: number;
  items: number;
  handlerMs: number;
  /** Bytes of the results. */
  bytes: number;
}

/** How far the job is dispatched; what its cursor keeps. */
export interface Dispatched {
  /** The next item to release. */
  next: number;
  tasks: number;
}

export interface ScatterState {
  readonly limits: ScatterLimits;
  readonly dispatched: Dispatched;
  readonly gathered: Gathered;
}

export const NOTHING_DISPATCHED: Dispatched = { next: 0, tasks: 0 };
const NOTHING_GATHERED: Gathered = { tasks: 0, items: 0, handlerMs: 0, bytes: 0 };

export function startScatter(limits: ScatterLimits, dispatched = NOTHING_DISPATCHED): ScatterState {
  return { limits, dispatched, gathered: NOTHING_GATHERED };
}

/** Takes in a report; one that is older than what is known changes nothing. */
export function onGathered(state: ScatterState, gathered: Gathered): ScatterState {
  return gathered.tasks > state.gathered.tasks ? { ...state, gathered } : state;
}

/** The chunks were stored together with the cursor. */
export function onReleased(state: ScatterState, chunks: readonly ItemRange[]): ScatterState {
  let { next, tasks } = state.dispatched;
  for (const { from, count } of chunks) {
    if (from !== next)
      throw new ImpossibleTransition("a chunk does not follow the one before it", [JSON.stringify(state)]);
    next += count;
    tasks++;
  }
  return { ...state, dispatched: { next, tasks } };
}

/** Tasks got lost: so many were released again, and what came back is what the aggregator has counted. */
export function onReleasedAgain(
  state: ScatterState,
  counted: Pick<Gathered, "tasks" | "items">,
  again: number,
): ScatterState {
  const { tasks, items } = counted;
  return {
    ...state,
    dispatched: { ...state.dispatched, tasks: tasks + again },
    gathered: { ...state.gathered, tasks, items },
  };
}

/** Items of a task that is released again: as many as tasks had in the mean, where the caller did not fix it. */
export function chunkAgain({ limits, gathered }: ScatterState): number {
  return limits.chunk ?? Math.max(1, Math.round(gathered.items / Math.max(1, gathered.tasks)));
}

/** The input turned out to end at `total` items. */
export function onTotal(state: ScatterState, total: number): ScatterState {
  return { ...state, limits: { ...state.limits, total } };
}

export function isDispatched({ limits, dispatched }: ScatterState): boolean {
  return limits.total !== undefined && dispatched.next >= limits.total;
}

/** Tasks published and not yet gathered. A takeover may have gathered more than it knows of. */
export function tasksOut({ dispatched, gathered }: ScatterState): number {
  return Math.max(0, dispatched.tasks - gathered.tasks);
}

/** How many tasks may be out, for a fleet of `slots` and items of `itemBytes` on average. */
export function windowOf(state: ScatterState, slots: number, itemBytes: number): number {
  const { limits, gathered } = state;
  if (limits.window !== undefined) return limits.window;
  const least = 4 * slots;
  if (gathered.tasks === 0) return limits.chunk === undefined ? least : Math.max(least, MAX_WINDOW / 4);
  // What chunks will take, not what the probes took: a window of probes would let out thousands of small chunks.
  const items = limits.chunk ?? Math.min(...steadyChunk(gathered, itemBytes));
  const taskMs = Math.max(0.01, (items * gathered.handlerMs) / gathered.items);
  return Math.max(least, Math.min(MAX_WINDOW, Math.ceil((slots * QUEUE_MS) / taskMs)));
}

/** Items of the next chunk, for a fleet of `slots` and items of `itemBytes` on average. */
export function chunkSize(state: ScatterState, slots: number, itemBytes: number): number {
  return sizeAt(state.dispatched.next, state, { slots, itemBytes });
}

/** Items of a chunk that begins at `next`. */
function sizeAt(next: number, state: ScatterState, { slots, itemBytes }: Omit<Fleet, "most">): number {
  const { total = Number.POSITIVE_INFINITY, chunk } = state.limits;
  const left = total - next;
  return Math.max(1, Math.min(chunk ?? autoChunk(state, slots, left, itemBytes), left));
}

function autoChunk({ gathered }: ScatterState, slots: number, left: number, itemBytes: number): number {
  if (gathered.items === 0) return 1;
  const fairShare = Math.ceil(left / (2 * slots));
  // As many as have come back so far: the first few items need not be typical of the rest.
  return Math.min(...steadyChunk(gathered, itemBytes), fairShare, gathered.items);
}

/** Items a chunk may have, by the time and the bytes that it is aimed at. */
function steadyChunk(gathered: Gathered, itemBytes: number): [byTime: number, byBytes: number, most: number] {
  const itemMs = gathered.handlerMs / gathered.items;
  const byTime = itemMs === 0 ? MAX_CHUNK : Math.round(TARGET_MS / itemMs);
  const byBytes = Math.floor(MAX_CHUNK_BYTES / Math.max(1, itemBytes, gathered.bytes / gathered.items));
  return [Math.max(1, byTime), Math.max(1, byBytes), MAX_CHUNK];
}

/** Whom chunks are cut for, and how many of them at most. */
interface Fleet {
  slots: number;
  /** Bytes of an item on average. */
  itemBytes: number;
  most: number;
}

/**
 * The chunks to release now; none while too little room is in the window to be worth a batch.
 *
 * `most` bounds the tasks of one batch.
 */
export function nextChunks(state: ScatterState, { itemBytes, most, ...fleet }: Fleet): ItemRange[] {
  if (isDispatched(state)) return [];
  const slots = Math.max(1, fleet.slots);
  const window = windowOf(state, slots, itemBytes);
  const bound = Math.min(most, mostNext(state, slots));
  const room = Math.min(window - tasksOut(state), bound);
  const worthIt = Math.min(bound, Math.max(1, Math.floor(window / 4)));
  return room < worthIt ? [] : cut(state, { slots, itemBytes, most: room });
}

/**
 * Tasks of the next batch at most: a small one first, then as many times more as there are out. The tasks of a batch are seen only when
 * all of it is stored, so with a full first one the workers would wait for a thousand tasks where each wants one.
 */
function mostNext({ dispatched }: ScatterState, slots: number): number {
  return Math.max(FIRST_BATCH, 2 * slots, GROWTH * dispatched.tasks);
}

function cut(state: ScatterState, fleet: Fleet): ItemRange[] {
  const { total = Number.POSITIVE_INFINITY } = state.limits;
  const chunks: ItemRange[] = [];
  for (let { next } = state.dispatched; chunks.length < fleet.most && next < total; ) {
    const chunk = { from: next, count: sizeAt(next, state, fleet) };
    chunks.push(chunk);
    next += chunk.count;
  }
  return chunks;
}

/** The chunks of a small job, all of them. */
export function smallChunks(total: number, chunk: number): ItemRange[] {
  const chunks: ItemRange[] = [];
  for (let from = 0; from < total; from += chunk) chunks.push({ from, count: Math.min(chunk, total - from) });
  return chunks;
}
