/**
 * Stores results. While one of a job is on its way, the next ones of that job wait and then go together, in one message:
 * the faster the tasks, the more of them share what a message costs, and a lone result never waits.
 */
import type { StoreMessage } from "../../broker/port.ts";
import { compressed } from "../../protocol/compression.ts";
import type { Encoded } from "../../protocol/messages.ts";
import { encodePack } from "../../protocol/pack.ts";
import type { ActorContext } from "../context.ts";
import { storeSurely } from "../store-surely.ts";

/** A result on its way to its subject. */
export interface ResultMessage extends Encoded {
  subject: string;
}

interface Waiting {
  readonly message: ResultMessage;
  readonly bytes: number;
  readonly signal: AbortSignal;
  resolve(): void;
  reject(error: unknown): void;
}

/** Room that a result's headers take beside its body, in bytes. */
export const HEADER_ROOM = 8 * 1024;
/** Results in one message at most. */
const MOST_PARTS = 256;
/** Bytes of results in one message at most; larger ones gain nothing from company, and go at once. */
const MOST_BYTES = 64 * 1024;

export class ResultStore {
  readonly #context: ActorContext;
  /** What waits behind a message that is on its way, by subject: one a job. */
  readonly #behind = new Map<string, Waiting[]>();

  constructor(context: ActorContext) {
    this.#context = context;
  }

  /**
   * Stores a result, surely: a second copy does no harm.
   * @throws what waiting cannot mend, or the signal's reason when it aborts; all results of a job have the same signal
   */
  store(message: ResultMessage, signal: AbortSignal): Promise<void> {
    const bytes = sizeOf(message);
    if (bytes >= this.#mostBytes) return this.#put(message, signal);
    return new Promise((resolve, reject) => {
      const result = { message, bytes, signal, resolve, reject };
      const behind = this.#behind.get(message.subject);
      if (behind === undefined) void this.#sendFrom(result);
      else behind.push(result);
    });
  }

  #put(message: StoreMessage, signal: AbortSignal): Promise<void> {
    return storeSurely(this.#context, compressed(message, this.#context.compression), signal);
  }

  get #mostBytes(): number {
    return Math.min(MOST_BYTES, this.#context.broker.maxPayload - HEADER_ROOM);
  }

  /** Sends a result, then all that came meanwhile, until nothing waits. */
  async #sendFrom(first: Waiting): Promise<void> {
    const { subject } = first.message;
    const waiting = [first];
    this.#behind.set(subject, waiting);
    while (waiting.length > 0) await this.#sendTogether(takeSome(waiting, this.#mostBytes));
    this.#behind.delete(subject);
  }

  async #sendTogether(together: readonly Waiting[]): Promise<void> {
    const [first] = together;
    if (first === undefined) return;
    try {
      await this.#put(messageOf(together), first.signal);
      for (const { resolve } of together) resolve();
    } catch (error) {
      for (const { reject } of together) reject(error);
    }
  }
}

/** Its body and its headers, in bytes. */
function sizeOf({ data, headers }: ResultMessage): number {
  let bytes = Buffer.byteLength(data);
  for (const name in headers) bytes += headers[name]?.length ?? 0;
  return bytes;
}

/** The longest run from the front that fits one message of so many bytes. */
function takeSome(waiting: Waiting[], mostBytes: number): Waiting[] {
  let bytes = 0;
  const over = waiting.findIndex((each, at) => {
    bytes += each.bytes;
    return at === MOST_PARTS || (at > 0 && bytes > mostBytes);
  });
  return waiting.splice(0, over < 0 ? waiting.length : over);
}

function messageOf(together: readonly Waiting[]): StoreMessage {
  const [first] = together as readonly [Waiting];
  if (together.length === 1) return first.message;
  return { subject: first.message.subject, ...encodePack(together.map(({ message }) => message)) };
}
