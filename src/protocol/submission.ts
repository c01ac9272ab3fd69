/** What a caller sends: the body and headers of a job, checked and taken apart. */
import { createHash } from "node:crypto";
import { InvalidBody } from "../errors.ts";
import { bytesText, isBinary } from "./binary.ts";
import { findMember, parseJson, splitArray } from "./json.ts";
import { checkToken, isToken } from "./names.ts";
import { headerKey, headerOptions, type JobOptions, OPTION_NAMES, parseOptions } from "./options.ts";
import { RECORD_FORMATS, type RecordFormat } from "./records/read.ts";
import { suggest } from "./suggest.ts";

/** What becomes of a record that cannot be read: it fails as an item, or it fails the job. */
export const ON_BAD_RECORD = ["fail-item", "fail-job"] as const;
export type OnBadRecord = (typeof ON_BAD_RECORD)[number];

/** How an object of inputs is read. */
export interface ObjectReader {
  format: RecordFormat;
  /** Of CSV: whether the first row names the fields. @default true */
  header?: boolean;
  /** @default "fail-item" */
  onBadRecord?: OnBadRecord;
}

export type JobInput =
  /** The items' JSON texts, unchanged. */
  | { type: "items"; items: readonly string[] }
  /** Item `i` is `start + i · step`. */
  | { type: "range"; start: number; step: number; count: number }
  /** An object of the object store, read record by record. */
  | ({ type: "object"; bucket: string; name: string } & ObjectReader)
  /** What the handler module's splitter makes of a value, as JSON text. */
  | { type: "split"; value: string };

export interface Submission {
  kind: string;
  options: JobOptions;
  input: JobInput;
}

const INPUT_NAMES = ["items", "range", "object", "split", "value"] as const;
type InputName = (typeof INPUT_NAMES)[number];

/**
 * Reads a job's body and option headers; headers win.
 * @throws InvalidName, InvalidJson, InvalidBody, UnsafeNumber, ForbiddenKey, UnknownOption, InvalidOption
 */
export function parseSubmission(
  kind: string,
  data: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Submission {
  checkToken("kind", kind);
  if (isBinary(headers)) {
    return {
      kind,
      options: parseOptions(headerOptions(headers)),
      input: { type: "items", items: [bytesText(data)] },
    };
  }
  const text = Buffer.from(data.buffer, data.byteOffset, data.length).toString("utf8");
  if (text.trim() === "")
    throw new InvalidBody(`The body is empty: send a JSON array of items, for example [1,2,3].`);
  const body = parseJson(data);
  if (Array.isArray(body)) {
    return { kind, options: parseOptions(headerOptions(headers)), input: itemsOf(text) };
  }
  return parseObject(kind, { text, body }, headers);
}

function parseObject(
  kind: string,
  { text, body }: { text: string; body: unknown },
  headers: Readonly<Record<string, string>>,
): Submission {
  if (typeof body !== "object" || body === null) {
    throw new InvalidBody(
      `The body is neither a JSON array of items nor an object; for a single item send [${text.trim().slice(0, 40)}].`,
    );
  }
  const fields = body as Record<string, unknown>;
  const name = inputName(fields);
  const { [name]: value, format, ...others } = fields;
  const { header, onBadRecord, ...options } = others;
  const isObject = name === "object";
  return {
    kind,
    options: parseOptions({ ...(isObject ? options : others), ...headerOptions(headers) }),
    input: isObject ? objectOf(value, { format, header, onBadRecord }) : inputOf(name, { value, text }),
  };
}

function inputName(fields: Readonly<Record<string, unknown>>): InputName {
  const present = INPUT_NAMES.filter((name) => name in fields);
  if (present.length === 1) return present[0] as InputName;
  if (present.length > 1) throw new InvalidBody(`The body has ${present.join(" and ")}: give one of them.`);
  const near = Object.keys(fields).find((key) => !isOption(key) && suggest(key, INPUT_NAMES) !== undefined);
  const hint =
    near === undefined
      ? ""
      : ` Did you mean "${suggest(near, INPUT_NAMES)}" where you wrote "${shorten(near)}"?`;
  throw new InvalidBody(`The body has no input: give one of ${INPUT_NAMES.join(", ")}.${hint}`);
}

function isOption(key: string): boolean {
  return (OPTION_NAMES as string[]).includes(key);
}

function inputOf(name: Exclude<InputName, "object">, body: { value: unknown; text: string }): JobInput {
  if (name === "range") return rangeOf(body.value);
  const raw = findMember(body.text, name) ?? "null";
  if (name === "split") return { type: "split", value: raw };
  if (name === "value") return { type: "items", items: [raw] };
  if (!Array.isArray(body.value)) throw new InvalidBody(`"items" must be an array.`, { path: "items" });
  return itemsOf(raw);
}

function itemsOf(text: string): JobInput {
  return { type: "items", items: splitArray(text) };
}

function rangeOf(value: unknown): JobInput {
  const range = value as { from?: unknown; to?: unknown; step?: unknown } | null;
  if (typeof range !== "object" || range === null) {
    throw new InvalidBody(`"range" must be {"from":0,"to":1000,"step":1}.`, { path: "range" });
  }
  const { from = 0, to, step = 1, ...unknown } = range;
  const [extra] = Object.keys(unknown);
  if (extra !== undefined)
    throw new InvalidBody(`"range" takes from, to and step, not "${shorten(extra)}".`, {
      path: `range.${shorten(extra)}`,
    });
  const start = integer("range.from", from);
  const stride = integer("range.step", step);
  if (stride === 0) throw new InvalidBody(`"range.step" must not be 0.`, { path: "range.step" });
  const count = Math.max(0, Math.ceil((integer("range.to", to) - start) / stride));
  if (!Number.isSafeInteger(count)) {
    throw new InvalidBody(`"range" has more than 9007199254740991 items.`, { path: "range" });
  }
  return { type: "range", start, step: stride, count };
}

function integer(path: string, value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number;
  const shown = shorten(JSON.stringify(value) ?? "missing");
  throw new InvalidBody(`"${path}" must be an integer, not ${shown}.`, { path });
}

/** Characters of a value that an error shows: errors travel in headers. */
const SHOWN = 64;

function shorten(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}

/** The fields of a body that say how its object is read, as they were given. */
type GivenReader = Readonly<Record<keyof ObjectReader, unknown>>;

function objectOf(value: unknown, reader: GivenReader): JobInput {
  const slash = typeof value === "string" ? value.indexOf("/") : -1;
  if (typeof value !== "string" || slash < 1 || slash === value.length - 1) {
    throw new InvalidBody(`"object" must be "BUCKET/NAME".`, { path: "object" });
  }
  const [bucket, name] = [value.slice(0, slash), value.slice(slash + 1)];
  return { type: "object", bucket, name, ...readerOf(reader) };
}

function readerOf({ format = "ndjson", header, onBadRecord }: GivenReader): ObjectReader {
  const reader: ObjectReader = { format: oneOf("format", RECORD_FORMATS, format) };
  if (header !== undefined) reader.header = oneOf("header", [true, false], header);
  if (onBadRecord !== undefined) reader.onBadRecord = oneOf("onBadRecord", ON_BAD_RECORD, onBadRecord);
  return reader;
}

function oneOf<T>(path: string, choices: readonly T[], value: unknown): T {
  const known = choices.find((choice) => choice === value);
  if (known === undefined) throw new InvalidBody(`"${path}" must be one of ${choices.join(", ")}.`, { path });
  return known;
}

/**
 * The job id of an idempotency key: the key itself where it can stand in a subject, else its hash. The same key is
 * thus the same job for every actor, without asking anyone.
 */
export function jobOfKey(key: string): string {
  if (isToken(key)) return key;
  return `k${createHash("sha256").update(key).digest("base64url").slice(0, 24)}`;
}

/** The job id of a message of the jobs stream without a key: a function of where it is stored, so that it is the same at every delivery. */
export function jobOfMessage(message: { seq: number; time: number }): string {
  return `${message.time.toString(36)}-${message.seq.toString(36)}`;
}

/** The idempotency key of a submission that need not be valid otherwise. */
export function keyOf(data: Uint8Array, headers: Readonly<Record<string, string>>): string | undefined {
  return headerKey(headers) ?? bodyKey(Buffer.from(data.buffer, data.byteOffset, data.length));
}

/** A key in the body is found only by reading it; bodies without one are told apart cheaply. */
function bodyKey(body: Buffer): string | undefined {
  if (!body.includes('"key"') && !body.includes("\\u")) return undefined;
  try {
    const text = body.toString("utf8").replace(/^\ufeff/, "");
    const { key } = JSON.parse(text) as { key?: unknown };
    return typeof key === "string" && key !== "" ? key : undefined;
  } catch {
    return undefined; // Not valid: it ends as a failed job under the id of its message.
  }
}
