/** What tasks and results carry of their job, so that workers and aggregators need to ask nobody. */
import { InvalidBody } from "../errors.ts";
import { decimalAt } from "./decimal.ts";
import { isToken, type Priority } from "./names.ts";
import type { OutputTo } from "./output.ts";

/** A reducer's parameter; specs are plain JSON, so that they can travel with every task. */
export type ParamValue = string | number | boolean | null;

/** A reducer and its parameters, as data, defaults filled in. */
export interface ReduceSpec {
  readonly name: string;
  readonly params: Readonly<Record<string, ParamValue>>;
}

/** `run`: one answer, the result. `watch`: accepted, progress, the result, an empty message. */
export type ReplyMode = "run" | "watch";

export interface ReplyTo {
  subject: string;
  mode: ReplyMode;
  /** The caller sent bytes, and takes bytes. */
  binary?: true;
}

/** `fail`: the job fails with its first failed item. `continue`: failed items are left out and reported. */
export type OnError = "fail" | "continue";

export interface JobSpec {
  readonly job: string;
  readonly kind: string;
  readonly priority: Priority;
  /** How many items the job has; undefined while its input is still being read. */
  readonly total?: number;
  readonly reduce: ReduceSpec;
  /** How often an item is tried; where the job does not say, the handler does. */
  readonly maxAttempts?: number;
  /** Upper bound of the first wait before an item is tried again, in milliseconds. */
  readonly backoffMs: number;
  /** How long the handler may take for one item, in milliseconds; where the job does not say, the handler does. */
  readonly timeoutMs?: number;
  readonly onError: OnError;
  /** When the job was stored, in milliseconds since 1970. */
  readonly submitted: number;
  /** When it expires, in milliseconds since 1970. */
  readonly deadline?: number;
  /** Item `i` is `start + i · step`; such tasks carry no items. */
  readonly range?: { readonly start: number; readonly step: number };
  readonly reply?: ReplyTo;
  /** Where the outputs go, if not into the outcome. */
  readonly output?: OutputTo;
  /** The one item is for the kind's splitter, and the output is the object that holds what it made. */
  readonly split?: true;
}

/** Items of a task at most, where a caller or a splitter says how many. */
export const MAX_CHUNK_ITEMS = 1_000_000;

/** A run of consecutive items. */
export interface ItemRange {
  /** Index of its first item in the job. */
  readonly from: number;
  readonly count: number;
}

/** `0-99/1000`, or `0-99/*` while the total is not known. */
export function encodeItems(range: ItemRange, total: number | undefined): string {
  return `${range.from}-${range.from + range.count - 1}/${total ?? "*"}`;
}

/** @throws InvalidBody when the header is not of the form `from-last/total` */
export function decodeItems(header = ""): ItemRange & { total: number | undefined } {
  const dash = header.indexOf("-");
  const slash = header.indexOf("/", dash);
  const from = decimalAt(header, 0, dash);
  const last = decimalAt(header, dash + 1, slash);
  const total = header.endsWith("/*") ? undefined : decimalAt(header, slash + 1, header.length);
  const end = total ?? Number.MAX_SAFE_INTEGER;
  if (!(from <= last && last < end && Number.isSafeInteger(end))) {
    throw new InvalidBody(`Not an item range: "${header.slice(0, 64)}"`, { path: "Muster-Items" });
  }
  return { from, count: last - from + 1, total };
}

export function encodeSpec(spec: JobSpec): string {
  return JSON.stringify(spec);
}

/**
 * Decodes specs, and remembers the last few: the tasks of a job all carry the same text.
 *
 * Only actors write specs, so it is enough to tell a foreign message from ours, and to check what names and headers are
 * made of.
 */
export class SpecDecoder {
  readonly #known = new Map<string, JobSpec>();
  readonly #limit: number;
  /** The last one that was asked for, which the next message most likely has, too. */
  #last: { header: string | undefined; total: number | undefined; spec: JobSpec } | undefined;

  constructor(limit = 256) {
    this.#limit = limit;
  }

  /**
   * @param total as the message says by its own header: it may not have been known when the spec was written
   * @throws InvalidBody when the header is missing or not a spec
   */
  decode(header: string | undefined, total?: number): JobSpec {
    const last = this.#last;
    if (last !== undefined && last.header === header && last.total === total) return last.spec;
    const spec = withTotal(this.#known.get(header ?? "") ?? this.#parse(header), total);
    this.#last = { header, total, spec };
    return spec;
  }

  #parse(header: string | undefined): JobSpec {
    const spec = parseSpec(header);
    if (this.#known.size >= this.#limit) this.#known.clear();
    this.#known.set(header ?? "", spec);
    return spec;
  }
}

function withTotal(spec: JobSpec, total: number | undefined): JobSpec {
  return total === undefined || spec.total === total ? spec : { ...spec, total };
}

function parseSpec(header: string | undefined): JobSpec {
  let value: unknown;
  try {
    value = JSON.parse(header ?? "");
  } catch (cause) {
    throw new InvalidBody("The message carries no readable job spec.", { path: "Muster-Spec", cause });
  }
  if (!isSpec(value)) throw new InvalidBody("The message's job spec is incomplete.", { path: "Muster-Spec" });
  return value;
}

export function isSpec(value: unknown): value is JobSpec {
  const spec = (value ?? {}) as Partial<JobSpec>;
  return (
    isName(spec.job) &&
    isName(spec.kind) &&
    typeof spec.reduce?.name === "string" &&
    typeof spec.reduce.params === "object" &&
    spec.reduce.params !== null &&
    isTime(spec.submitted) &&
    (spec.total === undefined || Number.isSafeInteger(spec.total)) &&
    (spec.reply === undefined || isSubject(spec.reply?.subject))
  );
}

function isName(value: unknown): boolean {
  return typeof value === "string" && isToken(value);
}

function isSubject(value: unknown): boolean {
  return typeof value === "string" && /^[^\s*>]+$/.test(value);
}

/** Milliseconds since 1970 that can be written as a date. */
function isTime(value: unknown): boolean {
  return typeof value === "number" && !Number.isNaN(new Date(value).getTime());
}
