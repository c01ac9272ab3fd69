/** Key-value and object buckets of the client library, seen as the port's. */
import { type JetStreamClient, StorageType } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type ObjectStore, Objm } from "@nats-io/obj";
import { MusterError, WriteConflict } from "../../errors.ts";
import type {
  Bucket,
  BucketEntry,
  BucketPlan,
  ObjectBucket,
  ObjectBucketPlan,
  StoredObject,
} from "../port.ts";
import { type ApiFault, faultError, type JetStreamApi, requestError } from "./api.ts";
import { ObjectReading } from "./object-reading.ts";

export async function ensureBucket(js: JetStreamClient, plan: BucketPlan): Promise<void> {
  await typed(plan.name, () =>
    new Kvm(js).create(plan.name, {
      replicas: plan.replicas,
      storage: plan.storage === "file" ? StorageType.File : StorageType.Memory,
      history: 1,
      ttl: plan.ttlMs,
      max_bytes: BUCKET_BYTES,
    }),
  );
}

/** Leases and presence are a few hundred small entries. */
const BUCKET_BYTES = 16 * 1024 * 1024;

export async function openBucket(js: JetStreamClient, name: string): Promise<Bucket> {
  return new KeyValueBucket(await typed(name, () => new Kvm(js).open(name)));
}

export async function ensureObjectBucket(js: JetStreamClient, plan: ObjectBucketPlan): Promise<void> {
  await typed(plan.name, () =>
    new Objm(js).create(plan.name, {
      replicas: plan.replicas,
      storage: plan.storage === "file" ? StorageType.File : StorageType.Memory,
      max_bytes: plan.maxBytes,
      ttl: plan.ttlMs * 1_000_000,
    }),
  );
}

export async function openObjects(
  js: JetStreamClient,
  api: JetStreamApi,
  name: string,
): Promise<ObjectBucket> {
  const open = (bucket: string) => typed(bucket, () => new Objm(js).open(bucket));
  return new StoredObjects({ bucket: name, store: await open(name), api, open });
}

/** Runs a call of the client library and converts what it rejects with. */
async function typed<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw convert(what, error);
  }
}

function convert(what: string, error: unknown): MusterError {
  if (error instanceof MusterError) return error;
  const fault = faultOf(error);
  return fault === undefined ? requestError(what, error) : faultError(what, fault);
}

function faultOf(error: unknown): ApiFault | undefined {
  const read = (error as { apiError?: () => ApiFault })?.apiError;
  return typeof read === "function" ? read.call(error) : undefined;
}

class KeyValueBucket implements Bucket {
  readonly #kv: KV;

  constructor(kv: KV) {
    this.#kv = kv;
  }

  async get(key: string): Promise<BucketEntry | undefined> {
    const entry = await typed(key, () => this.#kv.get(key));
    if (entry === null || entry.operation !== "PUT") return undefined;
    return { key, value: entry.string(), revision: entry.revision };
  }

  async create(key: string, value: string): Promise<number> {
    return await typed(key, () => this.#kv.create(key, value)).catch(asConflict(key));
  }

  async update(key: string, value: string, revision: number): Promise<number> {
    return await typed(key, () => this.#kv.update(key, value, revision)).catch(asConflict(key));
  }

  async remove(key: string, revision: number): Promise<void> {
    await typed(key, () => this.#kv.delete(key, { previousSeq: revision })).catch(asConflict(key));
  }
}

/** The library says "wrong last sequence" in words where it hides the code. */
function asConflict(key: string): (error: unknown) => never {
  return (error) => {
    const lost = error instanceof MusterError && /wrong last sequence|key exists/i.test(error.message);
    throw lost ? new WriteConflict(key, { cause: error }) : error;
  };
}

interface ObjectsParts {
  bucket: string;
  store: ObjectStore;
  api: JetStreamApi;
  /** Opens another bucket, to which a link may lead. */
  open(bucket: string): Promise<ObjectStore>;
}

class StoredObjects implements ObjectBucket {
  readonly #parts: ObjectsParts;
  readonly #store: ObjectStore;

  constructor(parts: ObjectsParts) {
    this.#parts = parts;
    this.#store = parts.store;
  }

  async put(name: string, data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    const stream = ReadableStream.from(data) as ReadableStream<Uint8Array>;
    const info = await typed(name, () => this.#store.put({ name }, stream));
    return info.size;
  }

  async get(name: string): Promise<StoredObject | undefined> {
    const { bucket, api } = this.#parts;
    const info = await typed(name, () => this.#store.info(name));
    if (info === null || info.deleted) return undefined;
    const link = info.options?.link;
    if (link === undefined) return new ObjectReading(api, bucket, info);
    if (link.name === undefined) return undefined; // It leads to a bucket, not to an object.
    const store = await this.#parts.open(link.bucket);
    return await new StoredObjects({ ...this.#parts, bucket: link.bucket, store }).get(link.name);
  }

  async remove(name: string): Promise<void> {
    const info = await typed(name, () => this.#store.info(name));
    if (info !== null && !info.deleted) await typed(name, () => this.#store.delete(name));
  }
}
