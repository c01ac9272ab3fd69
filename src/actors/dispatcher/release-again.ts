/** Releasing once more what got lost, from the same input. */
import type { StoreMessage } from "../../broker/port.ts";
import type { ItemRange, JobSpec } from "../../protocol/spec.ts";
import type { ActorContext } from "../context.ts";
import { TaskWriter } from "../tasks.ts";
import { openSource, type ReadableInput, type Source } from "./source.ts";

export interface Lost {
  spec: JobSpec;
  input: ReadableInput;
  /** What the input's version was when it was read before. */
  version: string | undefined;
  total: number | undefined;
  /** In order. */
  missing: readonly ItemRange[];
  /** Items a task at most. */
  chunk: number;
  /** Tasks at most. */
  most: number;
}

/** The tasks of what is missing, as many as `most` allows. */
export async function tasksAgain(context: ActorContext, lost: Lost): Promise<StoreMessage[]> {
  const [first] = lost.missing;
  if (first === undefined) return [];
  const source = await openSource(context, lost.input, { skip: first.from, version: lost.version });
  try {
    return await readTasks(new TaskWriter(context, lost.spec), source, lost);
  } finally {
    await source.close();
  }
}

async function readTasks(
  writer: TaskWriter,
  source: Source,
  { missing, chunk, most, total }: Lost,
): Promise<StoreMessage[]> {
  const messages: StoreMessage[] = [];
  let at = missing[0]?.from ?? 0;
  for (const { from, count } of missing) {
    at = await passOver(source, at, from);
    while (at < from + count && messages.length < most) {
      const taken = await source.take(Math.min(chunk, from + count - at), from + count - at);
      messages.push(writer.message({ from: at, count: taken.count }, taken, total));
      at += taken.count;
    }
  }
  return messages;
}

/** Reads on to the item `to`. */
async function passOver(source: Source, from: number, to: number): Promise<number> {
  let at = from;
  while (at < to) at += (await source.take(to - at, to - at)).count;
  return at;
}
