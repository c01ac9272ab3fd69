/**
 * What muster asks of a broker. Two adapters implement it: JetStream (src/broker/jetstream) and a simulated one
 * (src/broker/simulated); one conformance suite (test/conformance) runs over both.
 */

export type Headers = Readonly<Record<string, string>>;

/** A message to send. */
export interface OutMessage {
  subject: string;
  data?: Uint8Array | string;
  headers?: Headers;
  /** Where answers go. */
  reply?: string;
}

/** A message that a subscription received. */
export interface InMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Headers;
  readonly reply: string | undefined;
}

/** A message that a stream holds. */
export interface StreamMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Headers;
  /** Its sequence in the stream, from 1. */
  readonly seq: number;
  /** When the stream stored it, in milliseconds since 1970. */
  readonly time: number;
}

/** A message of a work queue, held under a lease until it is settled; only the first settlement counts. */
export interface Delivery extends StreamMessage {
  /** How often it was delivered, this time included: 1 at first. */
  readonly deliveries: number;
  /** Settles it for good, also when the lease ran out meanwhile and another has it too. */
  ack(): void;
  /** Gives it back: it is delivered again, at once or after `delayMs`. */
  nak(delayMs?: number): void;
  /** Extends the lease by the consumer's full ack wait. */
  working(): void;
  /** Settles it as never to be delivered again; `reason` is shown in the server's advisory. */
  term(reason: string): void;
}

/** A message to store in the stream that captures its subject. */
export interface StoreMessage {
  subject: string;
  data?: Uint8Array | string;
  headers?: Headers;
  /** Store only if the subject's last message has this sequence; 0: only if the subject has none. */
  expectLast?: number;
  /**
   * The server drops a second message with this id inside the stream's duplicate window. It compares `expectLast`
   * first: a retry with both is a conflict. In a batch a known id refuses the whole batch.
   */
  msgId?: string;
  /** The message is removed after so many seconds (at least 1). */
  ttlSeconds?: number;
  /** Removes the subject's earlier messages once this one is stored (streams with `rollup`). */
  rollup?: boolean;
}

export interface Stored {
  stream: string;
  /** Its sequence; in a batch that of the last message. */
  seq: number;
  /** The server had a message with this id already: nothing was stored. */
  duplicate: boolean;
}

export interface ConsumeOptions {
  stream: string;
  /** Name of the durable consumer. */
  consumer: string;
  onDelivery(delivery: Delivery): void;
  /** The consumption broke (consumer deleted, no permission, server silent) and was begun anew. */
  onTrouble?(reason: string): void;
}

/** Takes messages of a durable consumer by credit: nothing is delivered that was not asked for. */
export interface Consumption {
  /** Asks for `count` more messages, on top of those still outstanding. */
  request(count: number): void;
  /** Messages asked for and not yet delivered. */
  readonly outstanding: number;
  /** Stops; what the server delivers to us from now on is given back at once. Resolves when nothing more can come. */
  stop(): Promise<void>;
}

export interface TailOptions {
  stream: string;
  filter: string;
  /** The first sequence to read; 1 reads from the beginning. */
  fromSeq: number;
  onMessage(message: StreamMessage): void;
  onTrouble?(reason: string): void;
  /** Only headers are delivered; data is empty. @default false */
  headersOnly?: boolean;
}

/**
 * Reads a stream in order, without acknowledgements, and goes on as messages come. The server refuses it on a work
 * queue (10084).
 */
export interface Tail {
  /** Stops reading; no message is delivered after it resolves. */
  stop(): Promise<void>;
  /**
   * Says that `count` of the messages delivered have been digested. A fixed number (about a thousand) may be delivered
   * and not released; then the tail holds back until some are.
   */
  release(count: number): void;
}

export interface Subscription {
  /** Ends it; messages that are already here are still delivered. */
  close(): void;
}

export interface BucketEntry {
  key: string;
  value: string;
  /** Changes with every write; what {@link Bucket.update} compares. */
  revision: number;
}

/** A small key-value store with compare-and-set. */
export interface Bucket {
  get(key: string): Promise<BucketEntry | undefined>;
  /** Creates the key and returns its revision. @throws WriteConflict when it exists */
  create(key: string, value: string): Promise<number>;
  /** Writes if the key's revision is still `revision`. @throws WriteConflict when it is not */
  update(key: string, value: string, revision: number): Promise<number>;
  /** Deletes if the key's revision is still `revision`. @throws WriteConflict when it is not */
  remove(key: string, revision: number): Promise<void>;
}

/** An object, read chunk by chunk and never faster than its reader. Reading throws ObjectGone once it is deleted. */
export interface StoredObject extends AsyncIterable<Uint8Array> {
  /** Changes whenever the object is written anew. */
  readonly version: string;
}

/** Objects larger than a message. */
export interface ObjectBucket {
  /** Writes an object of the chunks that `data` yields, replacing an older one. Returns its size in bytes. */
  put(name: string, data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number>;
  /** Opens an object; undefined when there is none. */
  get(name: string): Promise<StoredObject | undefined>;
  remove(name: string): Promise<void>;
}

export interface StreamState {
  messages: number;
  bytes: number;
  firstSeq: number;
  lastSeq: number;
}

export interface ConsumerState {
  name: string;
  /** Messages not yet delivered to anyone. */
  pending: number;
  /** Messages delivered and not yet acknowledged. */
  unacknowledged: number;
}

/** What happened to the connection. */
export type BrokerStatus =
  | { type: "connected"; server: string }
  | { type: "disconnected"; server: string }
  | { type: "reconnected"; server: string }
  | { type: "denied"; operation: string; subject: string }
  | { type: "closed"; error: Error | undefined };

export interface RequestOptions {
  timeoutMs: number;
  signal?: AbortSignal;
}

export interface GatherOptions extends RequestOptions {
  /** Ends once so many answers are there. */
  max?: number;
  /** Ends when no answer came for so long after the last one. */
  stallMs?: number;
}

export interface ConsumerPlan {
  stream: string;
  name: string;
  filter: string;
  /** How long a delivered message may go without a sign of life before it is delivered again. */
  ackWaitMs: number;
  /** How many messages may be delivered and unsettled over all who consume; the server's silent default is 1000. */
  maxAckPending: number;
}

export interface StreamPlan {
  name: string;
  subjects: readonly string[];
  retention: "workqueue" | "limits";
  /** Where the stream is kept; `memory` for tests and benchmarks only. */
  storage: "file" | "memory";
  replicas: number;
  maxBytes: number;
  /** Oldest messages are removed after so long; 0: never. */
  maxAgeMs: number;
  /** 0: no limit. */
  maxPerSubject: number;
  /** What happens at `maxBytes`: refuse the newest, or drop the oldest. */
  discard: "new" | "old";
  atomicBatches: boolean;
  rollup: boolean;
  messageTtl: boolean;
  duplicateWindowMs: number;
}

export interface BucketPlan {
  name: string;
  storage: "file" | "memory";
  replicas: number;
  /** Entries vanish so long after their last write; 0: never. */
  ttlMs: number;
}

export interface ObjectBucketPlan {
  name: string;
  storage: "file" | "memory";
  replicas: number;
  ttlMs: number;
  maxBytes: number;
}

export interface TopologyPlan {
  streams: readonly StreamPlan[];
  consumers: readonly ConsumerPlan[];
  buckets: readonly BucketPlan[];
  objectBuckets: readonly ObjectBucketPlan[];
}

/**
 * The broker. Calls that change something reject with a typed error: WriteConflict (a compare-and-set lost),
 * WriteUnknown (no answer: it may have happened), StorageFull, PayloadTooLarge, PermissionDenied, BrokerUnreachable.
 */
export interface Broker {
  /** The largest message in bytes, headers included. */
  readonly maxPayload: number;
  /** What to call this broker in messages to people. */
  readonly label: string;

  /** Creates or updates what the plan names, and checks that the server understood all of it. */
  ensure(plan: TopologyPlan): Promise<void>;
  ensureConsumer(plan: ConsumerPlan): Promise<void>;

  /** Sends at most once; nothing is acknowledged. */
  publish(message: OutMessage): void;
  /** @throws RequestFailed when nobody answers, or not in time */
  request(message: OutMessage, options: RequestOptions): Promise<InMessage>;
  /** Collects the answers of many until one of the limits is reached; none is an empty list. */
  gather(message: OutMessage, options: GatherOptions): Promise<InMessage[]>;
  /** With a queue each message goes to one subscriber of that queue. */
  subscribe(subject: string, onMessage: (message: InMessage) => void, queue?: string): Subscription;
  /** A subject that only this connection receives answers on. */
  inbox(): string;

  store(message: StoreMessage): Promise<Stored>;
  /** Stores all or nothing; at most 1000 messages, all for one stream. */
  storeBatch(messages: readonly StoreMessage[]): Promise<Stored>;

  consume(options: ConsumeOptions): Promise<Consumption>;
  tail(options: TailOptions): Promise<Tail>;
  /** The newest message whose subject matches, read from the stream's leader. */
  last(stream: string, subject: string): Promise<StreamMessage | undefined>;
  /** The message with this sequence, if it is still there. */
  at(stream: string, seq: number): Promise<StreamMessage | undefined>;
  /** Removes the messages of `subject` (wildcards allowed) below `beforeSeq`, or all of them. Returns how many. */
  purge(stream: string, subject: string, beforeSeq?: number): Promise<number>;
  /** Removes the message with this sequence; nothing happens where it is gone already. */
  remove(stream: string, seq: number): Promise<void>;
  /** The stream that stores what is published to a subject; undefined where none does. */
  streamOf(subject: string): Promise<string | undefined>;
  streamState(stream: string): Promise<StreamState>;
  consumerStates(stream: string): Promise<ConsumerState[]>;

  bucket(name: string): Promise<Bucket>;
  objects(name: string): Promise<ObjectBucket>;

  onStatus(listener: (status: BrokerStatus) => void): void;
  /** Resolves when the server has processed all that was sent so far. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
