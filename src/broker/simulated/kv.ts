/** Key-value buckets: a stream that keeps the last message of each key, as on the real server. */
import { WriteConflict } from "../../errors.ts";
import type {
  Bucket,
  BucketEntry,
  BucketPlan,
  Stored,
  StoreMessage,
  StreamMessage,
  StreamPlan,
} from "../port.ts";

const OPERATION = "KV-Operation";
const MAX_BYTES = 16 * 1024 * 1024;
const decoder = new TextDecoder();
const TWO_MINUTES = 120_000;

export function bucketStreamName(bucket: string): string {
  return `KV_${bucket}`;
}

export function bucketStream(plan: BucketPlan): StreamPlan {
  return {
    name: bucketStreamName(plan.name),
    subjects: [`$KV.${plan.name}.>`],
    retention: "limits",
    storage: plan.storage,
    replicas: plan.replicas,
    maxBytes: MAX_BYTES,
    maxAgeMs: plan.ttlMs,
    maxPerSubject: 1,
    discard: "new",
    atomicBatches: false,
    rollup: true,
    messageTtl: false,
    duplicateWindowMs: plan.ttlMs === 0 ? TWO_MINUTES : Math.min(TWO_MINUTES, plan.ttlMs),
  };
}

/** What a bucket needs of its client. */
export interface BucketDoor {
  store(message: StoreMessage): Promise<Stored>;
  last(stream: string, subject: string): Promise<StreamMessage | undefined>;
}

export class SimulatedBucket implements Bucket {
  readonly #name: string;
  readonly #door: BucketDoor;

  constructor(name: string, door: BucketDoor) {
    this.#name = name;
    this.#door = door;
  }

  async get(key: string): Promise<BucketEntry | undefined> {
    const message = await this.#last(key);
    return message && this.#entry(message);
  }

  async create(key: string, value: string): Promise<number> {
    const old = await this.#last(key);
    if (old !== undefined && !isDeleted(old)) throw new WriteConflict(key);
    return await this.#write(key, value, old?.seq ?? 0);
  }

  update(key: string, value: string, revision: number): Promise<number> {
    return this.#write(key, value, revision);
  }

  async remove(key: string, revision: number): Promise<void> {
    const headers = { [OPERATION]: "DEL" };
    await this.#door.store({ subject: this.#subject(key), headers, expectLast: revision });
  }

  async #write(key: string, value: string, revision: number): Promise<number> {
    const stored = await this.#door.store({ subject: this.#subject(key), data: value, expectLast: revision });
    return stored.seq;
  }

  #last(key: string): Promise<StreamMessage | undefined> {
    return this.#door.last(bucketStreamName(this.#name), this.#subject(key));
  }

  #subject(key: string): string {
    return `$KV.${this.#name}.${key}`;
  }

  #entry(message: StreamMessage): BucketEntry | undefined {
    if (isDeleted(message)) return undefined;
    const key = message.subject.slice(this.#subject("").length);
    return { key, value: decoder.decode(message.data), revision: message.seq };
  }
}

function isDeleted(message: StreamMessage): boolean {
  return message.headers[OPERATION] !== undefined;
}
