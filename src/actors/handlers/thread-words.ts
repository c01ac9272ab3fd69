/** What the executor and its threads say to each other. */
import type { PassResult } from "../../domain/pass.ts";
import type { HandlerLogEntry } from "./handler.ts";
import type { PassRequest } from "./pass.ts";

/** Given to a thread when it starts. */
export interface ThreadData {
  /** Handler modules, absolute. */
  files: readonly string[];
  cwd: string;
  worker: string;
  /** Name of the channel on which aborts are told to all threads of the pool. */
  channel: string;
}

/** One pass for a thread; number -1 asks only whether its handlers are loaded. */
export interface ThreadTask {
  /** Unique in the pool. */
  number: number;
  request: PassRequest;
  /** The memory of the pass's beacon. */
  memory: Int32Array;
}

/** What a thread answers: it never rejects, so that a rejection can only mean that it died. */
export type ThreadReply = { ok: true; result: PassResult } | { ok: false; error: ThreadError };

/** An error as it crosses from thread to thread. */
export interface ThreadError {
  code: string;
  status: number;
  message: string;
}

/** Said on the pool's channel: the pass of this number is aborted. */
export interface AbortCall {
  abort: number;
}

/** Said by a thread's parent port, beside what piscina says there. */
export interface LogCall {
  musterLog: HandlerLogEntry;
}

/** Whether a message on a shared port is a log entry of ours. */
export function isLogCall(message: unknown): message is LogCall {
  return typeof message === "object" && message !== null && "musterLog" in message;
}
