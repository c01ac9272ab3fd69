/** The messages of a stream, in order, with an index by subject. */
import type { StoredMessage } from "./messages.ts";
import { isLiteral, matches } from "./subjects.ts";

/** Removed messages at the head are cut off once there are so many. */
const COMPACT_AT = 1024;

export class MessageLog {
  /** Sequence of the entry at index 0. Sequences have no gaps; removed messages leave holes. */
  #base = 1;
  #entries: (StoredMessage | undefined)[] = [];
  /** Index of the first message that is there, or the length. */
  #head = 0;
  readonly #bySubject = new Map<string, number[]>();
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest message that is there. */
  get first(): StoredMessage | undefined {
    return this.#entries[this.#head];
  }

  get(seq: number): StoredMessage | undefined {
    return this.#entries[seq - this.#base];
  }

  /** The message must have the sequence behind the last one that was ever appended. */
  append(message: StoredMessage): void {
    this.#entries.push(message);
    this.#count++;
    this.#bytes += message.size;
    const seqs = this.#bySubject.get(message.subject);
    if (seqs === undefined) this.#bySubject.set(message.subject, [message.seq]);
    else seqs.push(message.seq);
  }

  remove(seq: number): void {
    const message = this.get(seq);
    if (message === undefined) return;
    this.#entries[seq - this.#base] = undefined;
    this.#count--;
    this.#bytes -= message.size;
    this.#unindex(message);
    this.#advanceHead();
  }

  /** The oldest message from `seq` on that matches. */
  next(seq: number, filter: string): StoredMessage | undefined {
    for (let i = Math.max(this.#head, seq - this.#base); i < this.#entries.length; i++) {
      const message = this.#entries[i];
      if (message !== undefined && matches(filter, message.subject)) return message;
    }
    return undefined;
  }

  /** The newest message that matches. */
  last(filter: string): StoredMessage | undefined {
    let newest = 0;
    for (const seqs of this.#indexed(filter)) newest = Math.max(newest, seqs.at(-1) ?? 0);
    return newest === 0 ? undefined : this.get(newest);
  }

  /** Sequences of the messages that match, in order. */
  sequences(filter: string): number[] {
    return [...this.#indexed(filter)].flat().sort((a, b) => a - b);
  }

  countOf(subject: string): number {
    return this.#bySubject.get(subject)?.length ?? 0;
  }

  firstOf(subject: string): StoredMessage | undefined {
    const seq = this.#bySubject.get(subject)?.[0];
    return seq === undefined ? undefined : this.get(seq);
  }

  *[Symbol.iterator](): Iterator<StoredMessage> {
    for (const message of this.#entries) if (message !== undefined) yield message;
  }

  *#indexed(filter: string): Iterable<number[]> {
    if (isLiteral(filter)) {
      yield this.#bySubject.get(filter) ?? [];
      return;
    }
    for (const [subject, seqs] of this.#bySubject) if (matches(filter, subject)) yield seqs;
  }

  #unindex(message: StoredMessage): void {
    const seqs = this.#bySubject.get(message.subject) ?? [];
    seqs.splice(seqs.indexOf(message.seq), 1);
    if (seqs.length === 0) this.#bySubject.delete(message.subject);
  }

  #advanceHead(): void {
    while (this.#head < this.#entries.length && this.#entries[this.#head] === undefined) this.#head++;
    if (this.#head < COMPACT_AT || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }
}
