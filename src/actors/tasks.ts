/** The task messages of one job. */
import type { StoreMessage } from "../broker/port.ts";
import { encodeTask, type TaskItems } from "../protocol/messages.ts";
import { encodeSpec, type ItemRange, type JobSpec } from "../protocol/spec.ts";
import type { ActorContext } from "./context.ts";

/** Builds the task messages of one job; all of them carry the same spec text, which is encoded once. */
export class TaskWriter {
  readonly #subject: string;
  readonly #spec: JobSpec;
  readonly #specText: string;

  constructor({ names }: ActorContext, spec: JobSpec) {
    this.#subject = names.task(spec);
    this.#spec = spec;
    this.#specText = encodeSpec(spec);
  }

  /** `total` overrides the spec's where the input's end has only now been found. */
  message(range: ItemRange, taskItems: TaskItems, total = this.#spec.total): StoreMessage {
    const spec =
      total === this.#spec.total ? this.#spec : { ...this.#spec, ...(total === undefined ? {} : { total }) };
    const { headers, data } = encodeTask({ ...taskItems, ...range, spec }, this.#specText);
    return { subject: this.#subject, headers, data };
  }
}
