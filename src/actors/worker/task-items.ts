/** The items of a task, as passes and dead letters take them. */
import type { ItemFailure } from "../../domain/pass.ts";
import { InvalidRecord, PoisonTask } from "../../errors.ts";
import type { Task } from "../../protocol/messages.ts";
import type { Inputs } from "../handlers/pass.ts";
import { itemsOf } from "./settle.ts";

/** Characters of an input that a dead letter keeps at most. */
const MAX_KEPT_INPUT = 16 * 1024;

/** What a pass over the task is given. */
export function inputsOf({ spec, from, count, items }: Task): Inputs {
  if (spec.range === undefined) return { type: "items", json: items };
  const { start, step } = spec.range;
  return { type: "range", start: start + from * step, step, count };
}

/** Records that could not be read: there is nothing to run. */
export function unreadItems({ from, invalid = [] }: Task): ItemFailure[] {
  return invalid.map(({ offset, message }) => ({
    index: from + offset,
    code: new InvalidRecord(message).code,
    message,
    permanent: true,
    attempt: 0,
  }));
}

/** The failure of a single item whose workers died with it. */
export function buried(task: Task, deaths: number): ItemFailure {
  const { code, message } = new PoisonTask(deaths);
  return { index: task.from, code, message, permanent: true, attempt: deaths, ...inputOf(task) };
}

/** The input of a single-item task, for its dead letter. */
function inputOf(task: Task): { input?: string } {
  const inputs = inputsOf(task);
  if (inputs.type === "range") return { input: String(inputs.start) };
  const [input] = itemsOf(task);
  return input === undefined || input.length > MAX_KEPT_INPUT ? {} : { input };
}
