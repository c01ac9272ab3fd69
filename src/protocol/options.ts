/** The options of a job: one schema, for bodies and headers alike. docs/protocol.md is generated from it. */
import { z } from "zod";
import { InvalidOption, UnknownOption } from "../errors.ts";
import { parseDuration } from "./duration.ts";
import { OPTION_HEADER_PREFIX, PRIORITIES } from "./names.ts";
import { readOutput } from "./output.ts";
import { MAX_CHUNK_ITEMS } from "./spec.ts";
import { suggest } from "./suggest.ts";

const count = (limit: number) => z.coerce.number().int().min(1).max(limit);

/** Ten years: beyond what the broker can wait, a moment would no longer be a date. */
const MAX_DURATION_MS = 3_650 * 86_400_000;

const duration = z.union([z.number(), z.string()]).transform((value, context) => {
  const ms = parseDuration(value);
  if (ms !== undefined && ms <= MAX_DURATION_MS) return ms;
  context.addIssue(
    ms === undefined
      ? `"${shorten(value)}" is not a duration: write milliseconds, or a number with ms, s, m, h or d`
      : `"${shorten(value)}" is longer than 3650 days`,
  );
  return z.NEVER;
});

/** ISO 8601. `Date.parse` alone would take "soon 3" for a day of 2001, and the job would expire at once. */
const DATE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?\s?(?:Z|[+-]\d\d:?\d\d)?)?$/i;

/** A number with a unit is a duration; anything else must be a date. */
const deadline = z.union([z.number(), z.string()]).transform((value, context) => {
  const ms = parseDuration(value);
  if (ms !== undefined && ms <= MAX_DURATION_MS) return { afterMs: ms };
  const text = String(value).trim();
  const at = DATE.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return { at };
  context.addIssue(
    `"${shorten(value)}" is neither a duration up to 3650 days ("10m") nor a date ("2026-11-24T08:00:00Z")`,
  );
  return z.NEVER;
});

/** Characters of a value that an error shows: errors travel in headers. */
const SHOWN = 64;

function shorten(value: unknown): string {
  const text = String(value);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}

const output = z.union([z.string(), z.record(z.string(), z.unknown())]).transform((value, context) => {
  const read = readOutput(value);
  if (read !== undefined) return read;
  context.addIssue(
    `${shorten(JSON.stringify(value))} is neither "object:BUCKET/NAME" nor "subject:SUBJECT", without wildcards`,
  );
  return z.NEVER;
});

const auto = <T extends z.ZodType>(schema: T) => z.union([z.literal("auto"), schema]);

export const OPTIONS = z.strictObject({
  reduce: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .default("collect")
    .meta({ description: "How the outputs become the result, for example `sum`, `top-k:10` or `collect`." }),
  chunk: auto(count(MAX_CHUNK_ITEMS)).default("auto").meta({
    description:
      "Items a task. `auto` sizes chunks by itself, aiming at 50 ms of handler time; 1 gives every item a task of its own.",
  }),
  window: auto(count(100_000)).default("auto").meta({
    description:
      "How many tasks of the job may be out at once. `auto` keeps all slots fed; a small number limits how much of the fleet one job takes.",
  }),
  maxAttempts: count(1000).optional().meta({
    description: "How often an item is tried before it fails for good; 3, unless the handler says otherwise.",
  }),
  backoff: duration.default(100).meta({
    description:
      "Upper bound of the first wait before an item is tried again; it doubles with each attempt, up to 30 s.",
  }),
  timeout: duration.optional().meta({
    description:
      "How long the handler may take for one item; 0, and no limit, unless the handler says otherwise.",
  }),
  deadline: deadline.optional().meta({
    description:
      "When the job expires: a duration from its submission, or a date. Without it a job never expires.",
  }),
  priority: z
    .enum(PRIORITIES)
    .default("normal")
    .meta({ description: "Workers take `high` before `normal` before `low`." }),
  delay: duration.default(0).meta({ description: "How long after its submission the job starts." }),
  output: output.optional().meta({
    description:
      "Where the outputs go: the result into an object, or each output into the stream of a subject; else into the outcome.",
  }),
  key: z.string().min(1).max(256).optional().meta({
    description:
      "Idempotency key: the same key is the same job, for as long as its outcome is kept. Same as `Nats-Msg-Id`.",
  }),
  onError: z.enum(["fail", "continue"]).default("fail").meta({
    description:
      "`fail`: the first item that fails for good fails the job. `continue`: such items are left out and reported.",
  }),
});

export type JobOptions = z.output<typeof OPTIONS>;
/** The options of a job as bodies and headers have them: see the protocol. */
export type JobOptionsInput = z.input<typeof OPTIONS>;
export const OPTION_NAMES = Object.keys(OPTIONS.shape) as (keyof JobOptions)[];

const DEFAULTS: JobOptions = OPTIONS.parse({});

/** @throws UnknownOption (with "did you mean") or InvalidOption */
export function parseOptions(raw: Readonly<Record<string, unknown>>): JobOptions {
  if (isEmpty(raw)) return DEFAULTS;
  const parsed = OPTIONS.safeParse(raw);
  if (!parsed.success) throw optionError(parsed.error.issues[0]);
  refuseOdd(raw);
  return parsed.data;
}

/** Numbers are read from strings, too, for the sake of headers; but `true` is no 1, and `[5]` no 5. */
function refuseOdd(raw: Readonly<Record<string, unknown>>): void {
  for (const name in raw) {
    const value = raw[name];
    if (typeof value === "boolean" || Array.isArray(value))
      throw new InvalidOption(name, `${shorten(JSON.stringify(value))} is neither a number nor a string.`);
  }
}

function isEmpty(raw: Readonly<Record<string, unknown>>): boolean {
  for (const _ in raw) return false;
  return true;
}

function optionError(issue: z.core.$ZodIssue | undefined): Error {
  if (issue?.code === "unrecognized_keys") {
    const name = issue.keys[0] ?? "";
    return new UnknownOption(shorten(name), suggest(name, OPTION_NAMES));
  }
  return new InvalidOption(String(issue?.path[0] ?? "?"), `${issueText(issue)}.`);
}

/** A union's own message says nothing; its last branch knows what was expected. */
function issueText(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code !== "invalid_union") return issue?.message ?? "is not valid";
  const branch = issue.errors.at(-1)?.[0];
  return branch?.message ?? issue.message;
}

/** Header names are read in any case: `Muster-Max-Attempts`, `muster-maxattempts`. */
const BY_HEADER = new Map(OPTION_NAMES.map((name) => [name.toLowerCase(), name]));

/** The option that a header sets, if it is one. */
function optionOf(lower: string): keyof JobOptions | undefined {
  if (!lower.startsWith(OPTION_HEADER_PREFIX)) return undefined;
  return BY_HEADER.get(lower.slice(OPTION_HEADER_PREFIX.length).replaceAll("-", ""));
}

/** The idempotency key that stands in headers, of a submission that need not be valid otherwise. */
export function headerKey(headers: Readonly<Record<string, string>>): string | undefined {
  let key: string | undefined;
  let msgId: string | undefined;
  for (const header in headers) {
    const lower = header.toLowerCase();
    if (lower === "nats-msg-id") msgId ||= headers[header];
    else if (optionOf(lower) === "key") key = headers[header];
  }
  return key || msgId || undefined;
}

/** Headers of muster's own that are no options. */
const RESERVED = new Set(["job", "reply", "reply-mode"]);

/**
 * The options that stand in headers, as raw values.
 * @throws UnknownOption for a `Muster-` header that is none
 */
export function headerOptions(headers: Readonly<Record<string, string>>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const header in headers) {
    const lower = header.toLowerCase();
    if (!lower.startsWith(OPTION_HEADER_PREFIX)) continue;
    const word = lower.slice(OPTION_HEADER_PREFIX.length);
    if (RESERVED.has(word)) continue;
    const name = optionOf(lower);
    if (name === undefined) throw unknownHeader(header, word);
    found[name] = headers[header];
  }
  const key = headerKey(headers);
  if (key !== undefined) found.key = key;
  return found;
}

function unknownHeader(header: string, word: string): UnknownOption {
  const shown = shorten(header);
  return new UnknownOption(shown, suggestHeader(word), { path: shown });
}

function suggestHeader(word: string): string | undefined {
  const name = suggest(word.replaceAll("-", ""), [...BY_HEADER.keys()]);
  const option = name === undefined ? undefined : BY_HEADER.get(name);
  return option === undefined ? undefined : headerName(option);
}

/** `maxAttempts` as a header: `Muster-Max-Attempts`. */
export function headerName(option: string): string {
  const words = option.replace(/[A-Z]/g, (letter) => `-${letter}`).split("-");
  return `Muster-${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("-")}`;
}
