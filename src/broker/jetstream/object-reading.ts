/**
 * Reading an object chunk by chunk, one ahead of the reader: the client library's own way pushes the whole object into
 * memory, however slow its reader is, and waits for ever once the object is deleted.
 */
import { createHash } from "node:crypto";
import { ObjectGone } from "../../errors.ts";
import type { StoredObject, StreamMessage } from "../port.ts";
import { API_CODE, isRefusal, type JetStreamApi } from "./api.ts";
import { fromDirectAnswer, fromStoredAnswer, type StoredAnswer } from "./messages.ts";

/** What an object's own message says of it. */
export interface ObjectFacts {
  name: string;
  nuid: string;
  chunks: number;
  /** `SHA-256=<base64url>` of its bytes. */
  digest: string;
}

export class ObjectReading implements StoredObject {
  readonly version: string;
  readonly #api: JetStreamApi;
  readonly #facts: ObjectFacts;
  readonly #label: string;
  readonly #stream: string;
  readonly #subject: string;

  constructor(api: JetStreamApi, bucket: string, facts: ObjectFacts) {
    this.#api = api;
    this.#facts = facts;
    this.version = facts.nuid;
    this.#label = `${bucket}/${facts.name}`;
    this.#stream = `OBJ_${bucket}`;
    this.#subject = `$O.${bucket}.C.${facts.nuid}`;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const { chunks, digest } = this.#facts;
    const hash = createHash("sha256");
    let next = chunks > 0 ? this.#chunkFrom(1) : undefined;
    for (let read = 1; next !== undefined; read++) {
      const { data, seq } = await next;
      next = read < chunks ? this.#chunkFrom(seq + 1) : undefined;
      next?.catch(() => {}); // It is awaited above; this keeps an early failure from counting as unhandled.
      hash.update(data);
      yield data;
    }
    if (`SHA-256=${hash.digest("base64url")}` !== digest.replace(/=+$/, ""))
      throw new ObjectGone(this.#label, "is damaged: its bytes are not those of its digest");
  }

  /** The first chunk at or behind a sequence. @throws ObjectGone */
  async #chunkFrom(seq: number): Promise<StreamMessage> {
    const query = { seq, next_by_subj: this.#subject };
    const answer = await this.#api.askRaw(`DIRECT.GET.${this.#stream}`, query);
    // A replica that lags may not have it yet; the leader decides.
    return answer.headers?.hasError ? await this.#chunkOfLeader(query) : fromDirectAnswer(answer);
  }

  async #chunkOfLeader(query: object): Promise<StreamMessage> {
    try {
      return fromStoredAnswer(await this.#api.ask<StoredAnswer>(`STREAM.MSG.GET.${this.#stream}`, query));
    } catch (error) {
      throw isRefusal(error, API_CODE.noMessage) ? new ObjectGone(this.#label) : error;
    }
  }
}
