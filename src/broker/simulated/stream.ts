/** A stream of the simulated server: what is stored, under which conditions, and until when. */
import type { Clock } from "../../runtime/clock.ts";
import type { StreamPlan, StreamState } from "../port.ts";
import {
  checkExpectation,
  checkFeatures,
  checkRoom,
  hasExpectation,
  isRollup,
  messageIdOf,
  ttlMsOf,
} from "./conditions.ts";
import { DuplicateWindow } from "./duplicates.ts";
import { MessageLog } from "./log.ts";
import { type Packet, type StoredMessage, storedSize } from "./messages.ts";
import { REFUSAL, type Refusal } from "./refusals.ts";

export type StoreResult = { seq: number; duplicate: boolean } | { refusal: Refusal };

/** Who is told of the stream's changes: its consumers and tails. */
export interface StreamReader {
  onStored(): void;
  onRemoved(seq: number): void;
}

const MAX_BATCH = 1000;

export class SimulatedStream {
  readonly #clock: Clock;
  readonly #log = new MessageLog();
  readonly #ids = new DuplicateWindow();
  readonly #readers = new Set<StreamReader>();
  #plan: StreamPlan;
  #lastSeq = 0;
  /** Sequences of messages that have a TTL, and when the first of them may expire. */
  readonly #mortal = new Set<number>();
  #nextExpiry = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, plan: StreamPlan) {
    this.#clock = clock;
    this.#plan = plan;
  }

  get plan(): StreamPlan {
    return this.#plan;
  }

  update(plan: StreamPlan): void {
    this.#plan = plan;
    this.#enforceLimits();
  }

  addReader(reader: StreamReader): void {
    this.#readers.add(reader);
  }

  removeReader(reader: StreamReader): void {
    this.#readers.delete(reader);
  }

  store(packet: Packet): StoreResult {
    this.expire();
    // The real server compares before it looks at the id: a retry of a store that compares is a conflict.
    const refusal = checkFeatures(this.#plan, packet) ?? checkExpectation(this.#log, packet);
    if (refusal !== undefined) return { refusal };
    const known = this.#ids.find(messageIdOf(packet.headers));
    if (known !== undefined) return { seq: known, duplicate: true };
    const full = checkRoom(this.#plan, this.#log, [packet]);
    if (full !== undefined) return { refusal: full };
    this.#append(packet);
    return this.#stored();
  }

  /** Stores all or nothing. */
  storeBatch(packets: readonly Packet[]): StoreResult {
    this.expire();
    const refusal = this.#checkBatch(packets);
    if (refusal !== undefined) return { refusal };
    for (const packet of packets) this.#append(packet);
    return this.#stored();
  }

  /** The oldest message from `seq` on that matches. */
  next(seq: number, filter: string): StoredMessage | undefined {
    this.expire();
    return this.#log.next(seq, filter);
  }

  last(filter: string): StoredMessage | undefined {
    this.expire();
    return this.#log.last(filter);
  }

  at(seq: number): StoredMessage | undefined {
    this.expire();
    return this.#log.get(seq);
  }

  countFrom(seq: number, filter: string): number {
    this.expire();
    return this.#log.sequences(filter).filter((each) => each >= seq).length;
  }

  *messages(): Iterable<StoredMessage> {
    this.expire();
    yield* this.#log;
  }

  purge(filter: string, beforeSeq = Number.POSITIVE_INFINITY): number {
    this.expire();
    const doomed = this.#log.sequences(filter).filter((seq) => seq < beforeSeq);
    for (const seq of doomed) this.remove(seq);
    return doomed.length;
  }

  remove(seq: number): void {
    if (this.#log.get(seq) === undefined) return;
    this.#log.remove(seq);
    this.#mortal.delete(seq);
    for (const reader of this.#readers) reader.onRemoved(seq);
  }

  state(): StreamState {
    this.expire();
    const empty = this.#lastSeq === 0 ? 0 : this.#lastSeq + 1;
    const { count, bytes, first } = this.#log;
    return { messages: count, bytes, firstSeq: first?.seq ?? empty, lastSeq: this.#lastSeq };
  }

  /** The server process was replaced: ids of messages that are gone are forgotten. */
  restart(): void {
    this.#ids.keepOnly((seq) => this.#log.get(seq) !== undefined);
  }

  /** Removes what is too old. Done before every look at the stream, so that no timer is needed. */
  expire(): void {
    const now = this.#clock.now();
    const { maxAgeMs, duplicateWindowMs } = this.#plan;
    this.#ids.forgetBefore(now - duplicateWindowMs);
    if (maxAgeMs > 0) this.#removeWhile((first) => first.time + maxAgeMs <= now);
    if (this.#nextExpiry <= now) this.#expireMortal(now);
  }

  #checkBatch(packets: readonly Packet[]): Refusal | undefined {
    if (!this.#plan.atomicBatches) return REFUSAL.batchDisabled;
    if (packets.length > MAX_BATCH) return REFUSAL.batchTooLarge;
    const subjects = new Set<string>();
    const ids = new Set<string>();
    for (const packet of packets) {
      const refusal = this.#checkInBatch(packet, subjects, ids);
      if (refusal !== undefined) return refusal;
    }
    return checkRoom(this.#plan, this.#log, packets);
  }

  #checkInBatch(packet: Packet, subjects: Set<string>, ids: Set<string>): Refusal | undefined {
    const refusal = checkFeatures(this.#plan, packet);
    if (refusal !== undefined) return refusal;
    const id = messageIdOf(packet.headers);
    if (id !== undefined && (ids.has(id) || this.#ids.find(id) !== undefined)) return REFUSAL.batchDuplicate;
    if (id !== undefined) ids.add(id);
    const unmet = checkExpectation(this.#log, packet);
    if (unmet !== undefined) return unmet;
    const expects = hasExpectation(packet.headers);
    if (expects && subjects.has(packet.subject)) return REFUSAL.subjectTwice;
    subjects.add(packet.subject);
    return undefined;
  }

  #append(packet: Packet): void {
    const time = this.#clock.now();
    const ttlMs = ttlMsOf(packet.headers);
    const expiresAt = ttlMs === undefined ? Number.POSITIVE_INFINITY : time + ttlMs;
    const { subject, data, headers } = packet;
    const seq = ++this.#lastSeq;
    this.#log.append({ subject, data, headers, seq, time, size: storedSize(packet), expiresAt });
    const id = messageIdOf(headers);
    if (id !== undefined) this.#ids.add(id, seq, time);
    if (ttlMs !== undefined) this.#addMortal(seq, expiresAt);
    if (isRollup(headers)) this.purge(subject, seq);
    this.#enforceSubjectLimit(subject);
  }

  #stored(): StoreResult {
    this.#enforceLimits();
    const result = { seq: this.#lastSeq, duplicate: false };
    for (const reader of this.#readers) reader.onStored();
    return result;
  }

  #enforceSubjectLimit(subject: string): void {
    const { maxPerSubject } = this.#plan;
    if (maxPerSubject <= 0) return;
    for (let over = this.#log.countOf(subject) - maxPerSubject; over > 0; over--) {
      this.remove(this.#log.firstOf(subject)?.seq ?? 0);
    }
  }

  #enforceLimits(): void {
    const { discard, maxBytes } = this.#plan;
    if (discard !== "old" || maxBytes < 0) return;
    this.#removeWhile(() => this.#log.bytes > maxBytes && this.#log.count > 1);
  }

  #removeWhile(isDoomed: (first: StoredMessage) => boolean): void {
    for (let { first } = this.#log; first !== undefined && isDoomed(first); first = this.#log.first) {
      this.remove(first.seq);
    }
  }

  #addMortal(seq: number, expiresAt: number): void {
    this.#mortal.add(seq);
    this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
  }

  #expireMortal(now: number): void {
    this.#nextExpiry = Number.POSITIVE_INFINITY;
    for (const seq of [...this.#mortal]) {
      const expiresAt = this.#log.get(seq)?.expiresAt ?? now;
      if (expiresAt <= now) this.remove(seq);
      else this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
    }
  }
}
