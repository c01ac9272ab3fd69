/** The task messages of one job. */
import type { StoreMessage } from "../broker/port.ts";
import { type Compression, compressed } from "../protocol/compression.ts";
import type { InvalidItem } from "../protocol/invalid-items.ts";
import { encodeTask, type TaskItems } from "../protocol/messages.ts";
import { encodeSpec, type ItemRange, type JobSpec } from "../protocol/spec.ts";
import type { ActorContext } from "./context.ts";

const NONE: readonly InvalidItem[] = [];

/** Builds the task messages of one job; all of them carry the same spec text, which is encoded once. */
export class TaskWriter {
  readonly #subject: string;
  readonly #spec: JobSpec;
  readonly #specText: string;
  readonly #compression: Compression | undefined;

  constructor({ names, compression }: ActorContext, spec: JobSpec) {
    this.#compression = compression;
    this.#subject = names.task(spec);
    this.#spec = spec;
    this.#specText = encodeSpec(spec);
  }

  /** `total` overrides the spec's where the input's end has only now been found. */
  message(
    { from, count }: ItemRange,
    { items, invalid = NONE }: TaskItems,
    total = this.#spec.total,
  ): StoreMessage {
    const spec = total === this.#spec.total || total === undefined ? this.#spec : { ...this.#spec, total };
    const { headers, data } = encodeTask({ spec, from, count, items, invalid }, this.#specText);
    return compressed({ subject: this.#subject, headers, data }, this.#compression);
  }
}
