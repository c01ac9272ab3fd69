/** The result of a chunk: what its passes made, what they took, and who ran them. */
import type { ItemFailure, PassResult } from "../../domain/pass.ts";
import type { ChunkOutcome } from "../../domain/settle-chunk.ts";
import type { Failure } from "../../protocol/failure.ts";
import type { Result, Task } from "../../protocol/messages.ts";

/** What the passes over a chunk took so far. */
export interface Effort {
  /** When the first of them began, in milliseconds since 1970. */
  began: number | undefined;
  handlerMs: number;
  /** Tries at items. */
  attempts: number;
}

/** Whose result it is, and when. */
export interface By {
  worker: string;
  /** Slots of the worker. */
  slots: number;
  /** In milliseconds since 1970. */
  now: number;
}

export function addPass(effort: Effort, { handlerMs, failures, pieces }: PassResult): void {
  effort.handlerMs += handlerMs;
  effort.attempts += failures.length;
  for (const { count } of pieces) effort.attempts += count;
}

/** @param partial the chunk's own, or what stands for it where the outputs go elsewhere */
export function resultOf(
  { spec, from, count }: Task,
  { failures, outputs, digests }: ChunkOutcome,
  { partial, effort, by }: { partial: string; effort: Readonly<Effort>; by: By },
): Result {
  const { began = by.now, handlerMs, attempts } = effort;
  const { worker, slots, now } = by;
  return {
    spec,
    from,
    count,
    partial,
    failures: failures.length === 0 ? NONE : failures.map(failureOf),
    handlerMs,
    worker,
    tally: {
      outputs,
      attempts,
      inputDigest: digests.inputs,
      outputDigest: digests.outputs,
      began: Math.floor(began),
      ended: Math.ceil(now),
      slots,
    },
  };
}

const NONE: Result["failures"] = [];

function failureOf({ index, code, message, attempt }: ItemFailure): Failure {
  return { index, code, message, attempts: attempt };
}
