/** The log: events, written as lines. */
import { type Logger, pino } from "pino";
import type { EventMap, EventName, Events } from "./events.ts";

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How loud each event is. */
const LEVELS: Record<EventName, Exclude<LogLevel, "silent">> = {
  "actor.started": "info",
  "actor.stopped": "info",
  "job.accepted": "debug",
  "job.invalid": "warn",
  "job.progress": "debug",
  "job.finished": "debug",
  "job.waiting": "warn",
  "items.lost": "warn",
  "tasks.released": "trace",
  "chunk.done": "trace",
  "task.redelivered": "info",
  "task.dropped": "debug",
  "item.retried": "debug",
  "item.dead": "warn",
  "handler.log": "info",
  "partition.claimed": "debug",
  "partition.lost": "warn",
  "partition.released": "debug",
  "checkpoint.written": "trace",
  "message.invalid": "warn",
  "broker.trouble": "warn",
  "broker.status": "info",
  "actor.joined": "debug",
  "actor.left": "debug",
  "error.unexpected": "error",
};

/** Writes JSON lines to standard error: standard output belongs to data. */
export function createLogger(level: LogLevel): Logger {
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
}

/** Writes every event of `events` until the returned function is called. */
export function logEvents(events: Events, logger: Logger): () => void {
  return events.onAny((name, payload) => write(logger, name, payload));
}

function write(logger: Logger, name: EventName, payload: EventMap[EventName]): void {
  // Some events are told a chunk: what is not written should cost nothing.
  if (!logger.isLevelEnabled(LEVELS[name])) return;
  const { error, ...fields } = payload as { error?: unknown };
  logger[LEVELS[name]]({ event: name, ...fields, ...(error === undefined ? {} : { err: error }) });
}
