/** Handing in jobs: what a caller does, and whoever does it in a caller's name. */
import { PayloadTooLarge } from "../errors.ts";
import { compressed } from "../protocol/compression.ts";
import { checkToken, HEADER } from "../protocol/names.ts";
import type { InputRecord } from "../protocol/records/record.ts";
import { shippedLine } from "../protocol/records/shipped.ts";
import { jobOfKey } from "../protocol/submission.ts";
import { timedId } from "../runtime/id.ts";
import type { ActorContext } from "./context.ts";

/** A job to submit. */
export interface ClientJob {
  kind: string;
  /** The body as the contract has it: a JSON array of items, or an object with `items`, `range`, `object` or `value`. */
  body: string;
  /** Options by name (`reduce`, `chunk`, …); they win over those in the body. */
  options?: Readonly<Record<string, string | number>>;
}

type InputBatch = readonly InputRecord[];

/** Records that are shipped through the object store: the JSON texts of items, or bad records. */
export interface ClientRecords {
  kind: string;
  /** One by one or, where they are many, in batches. */
  records: AsyncIterable<InputRecord | InputBatch> | Iterable<InputRecord | InputBatch>;
  options?: Readonly<Record<string, string | number>>;
}

/** Room for headers beside a body, in bytes. */
const HEADER_ROOM = 4 * 1024;

/**
 * Submits durably; resolves with the job's id once the job is stored.
 * @throws PayloadTooLarge when the body does not fit into a message: see {@link submitRecords}
 */
export async function submitJob(
  { broker, names, clock, random, compression }: ActorContext,
  { kind, body, options = {} }: ClientJob,
): Promise<string> {
  checkToken("kind", kind);
  const { key } = options;
  const job = key === undefined ? timedId(clock.now(), random) : jobOfKey(String(key));
  const bytes = Buffer.byteLength(body);
  if (bytes > broker.maxPayload - HEADER_ROOM)
    throw new PayloadTooLarge(
      "The job",
      bytes,
      broker.maxPayload,
      'Put its items into the object store ("muster map" does it by itself).',
    );
  const message = {
    subject: names.jobs(kind),
    data: body,
    headers: { ...optionHeaders(options), [HEADER.job]: job },
    ...(key === undefined ? {} : { msgId: job }),
  };
  await broker.store(compressed(message, compression));
  return job;
}

/** Ships records through the object store, however many they are, and submits a job that names the object. */
export async function submitRecords(
  context: ActorContext,
  { kind, records, options = {} }: ClientRecords,
): Promise<string> {
  const { broker, names, clock, random } = context;
  checkToken("kind", kind);
  const name = timedId(clock.now(), random);
  const objects = await broker.objects(names.inputs);
  await objects.put(name, inLines(records));
  const body = JSON.stringify({ object: `${names.inputs}/${name}`, format: "shipped" });
  return await submitJob(context, { kind, body, options });
}

/** `maxAttempts: 5` as the header `Muster-maxAttempts: 5`; header names are read in any case. */
function optionHeaders(options: Readonly<Record<string, string | number>>): Record<string, string> {
  const entries = Object.entries(options).map(([name, value]) => [`Muster-${name}`, String(value)]);
  return Object.fromEntries(entries);
}

/** Characters of records that are shipped at once. */
const SHIPPED_AT_ONCE = 64 * 1024;

async function* inLines(records: ClientRecords["records"]): AsyncIterable<Uint8Array> {
  let text = "";
  for await (const given of records) {
    for (const record of isBatch(given) ? given : [given]) text += `${shippedLine(record)}\n`;
    if (text.length < SHIPPED_AT_ONCE) continue;
    yield Buffer.from(text);
    text = "";
  }
  yield Buffer.from(text);
}

function isBatch(given: InputRecord | InputBatch): given is InputBatch {
  return Array.isArray(given);
}
