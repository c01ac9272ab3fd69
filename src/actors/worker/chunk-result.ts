/** The result of a chunk: what its passes made, what they took, and who ran them. */
import type { PassResult } from "../../domain/pass.ts";
import type { ChunkOutcome } from "../../domain/settle-chunk.ts";
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
export interface By extends Readonly<Effort> {
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

export function resultOf({ spec, from, count }: Task, settled: ChunkOutcome, by: By): Result {
  const { partial, failures, outputs, digests } = settled;
  const { worker, slots, now, began = now, handlerMs, attempts } = by;
  return {
    spec,
    from,
    count,
    partial,
    failures: failures.map(({ index, code, message, attempt }) => ({
      index,
      code,
      message,
      attempts: attempt,
    })),
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
