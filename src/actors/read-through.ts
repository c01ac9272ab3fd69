/** Reading what a stream holds now, and no further. */
import type { StreamMessage, Tail } from "../broker/port.ts";
import type { ActorContext } from "./context.ts";

/** How often to look whether the message that was to be the last is still there, in milliseconds. */
const LOOK_MS = 500;

export interface ReadOptions {
  stream: string;
  filter: string;
  /** @default 1, the beginning */
  fromSeq?: number;
  /** Bodies are left out. */
  headersOnly?: boolean;
}

/** The messages that match, in order, up to the newest one there is at the call. */
export async function readThrough(context: ActorContext, options: ReadOptions): Promise<StreamMessage[]> {
  const { broker } = context;
  const { stream, filter } = options;
  const newest = await broker.last(stream, filter);
  if (newest === undefined || newest.seq < (options.fromSeq ?? 1)) return [];
  return await readUpTo(context, options, newest.seq);
}

async function readUpTo(
  context: ActorContext,
  options: ReadOptions,
  lastSeq: number,
): Promise<StreamMessage[]> {
  const { broker, clock } = context;
  const { stream, filter, fromSeq = 1, headersOnly = false } = options;
  const found: StreamMessage[] = [];
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let early = 0;
  let tail: Tail | undefined;
  const onMessage = (message: StreamMessage) => {
    if (message.seq <= lastSeq) found.push(message);
    if (message.seq >= lastSeq) end();
    if (tail === undefined) early++;
    else tail.release(1);
  };
  tail = await broker.tail({ stream, filter, fromSeq, headersOnly, onMessage });
  tail.release(early);
  // The last one may expire or be purged before it is read.
  const timer = clock.every(LOOK_MS, () => {
    broker.last(stream, filter).then(
      (newest) => (newest?.seq ?? 0) <= (found.at(-1)?.seq ?? 0) && end(),
      () => {}, // The broker is away: the tail goes on when it is back.
    );
  });
  await ended;
  timer.cancel();
  await tail.stop();
  return found;
}
