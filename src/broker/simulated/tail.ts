/** Reading a stream in order: the feed at the server, and its client's side. */
import type { Headers, StreamMessage, Tail, TailOptions } from "../port.ts";
import type { Attachment, Ground } from "./ground.ts";
import type { StoredMessage } from "./messages.ts";
import { soon } from "./soon.ts";
import type { SimulatedStream, StreamReader } from "./stream.ts";

/** How many messages may be delivered and not yet released. */
const TAIL_CREDIT = 1024;

const SIZE_HEADER = "Nats-Msg-Size";

/** The server's side: sends what matches, as far as the credit reaches. */
class TailFeed implements StreamReader {
  readonly #stream: SimulatedStream;
  readonly #filter: string;
  readonly #send: (message: StoredMessage) => void;
  #nextSeq: number;
  #credit = 0;
  #pumpScheduled = false;

  constructor(stream: SimulatedStream, options: TailOptions, send: (message: StoredMessage) => void) {
    this.#stream = stream;
    this.#filter = options.filter;
    this.#nextSeq = options.fromSeq;
    this.#send = send;
    stream.addReader(this);
  }

  grant(count: number): void {
    this.#credit += count;
    this.#schedulePump();
  }

  onStored(): void {
    this.#schedulePump();
  }

  onRemoved(): void {}

  close(): void {
    this.#stream.removeReader(this);
    this.#credit = 0;
  }

  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    soon(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#credit > 0) {
      const message = this.#stream.next(this.#nextSeq, this.#filter);
      if (message === undefined) return;
      this.#nextSeq = message.seq + 1;
      this.#credit--;
      this.#send(message);
    }
  }
}

export class SimulatedTail implements Tail, Attachment {
  readonly #ground: Ground;
  readonly #options: TailOptions;
  #nextSeq: number;
  #unreleased = 0;
  #feed: TailFeed | undefined;
  #closeFeed: () => void = () => {};
  #stopped = false;

  constructor(ground: Ground, options: TailOptions) {
    this.#ground = ground;
    this.#options = options;
    this.#nextSeq = options.fromSeq;
    ground.attachments.add(this);
    if (ground.link.state === "up") this.attach();
  }

  /** While the connection is cut nothing is sent: {@link attach} grants all that is free. */
  release(count: number): void {
    this.#unreleased -= count;
    const { link } = this.#ground;
    if (link.state === "up") link.toServer(() => this.#feed?.grant(count));
  }

  attach(): void {
    const options = { ...this.#options, fromSeq: this.#nextSeq };
    const credit = TAIL_CREDIT - this.#unreleased;
    this.#feed = undefined;
    this.#ground.link.toServer(() => this.#open(options, credit));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ground.attachments.delete(this);
    this.#ground.link.toServer(() => this.#closeFeed());
  }

  /** Runs at the server. */
  #open(options: TailOptions, credit: number): void {
    const { core, link, name } = this.#ground;
    const { faults } = core.options;
    const stream = core.stream(options.stream);
    const feed = new TailFeed(stream, options, (message) => {
      const delayMs = faults.onTail?.({ client: name, subject: message.subject }) ?? 0;
      link.toClientInOrder(() => this.#onMessage(message), delayMs);
    });
    this.#feed = feed;
    this.#closeFeed = link.onEnd(() => feed.close());
    feed.grant(credit);
  }

  #onMessage(message: StoredMessage): void {
    if (this.#stopped) return;
    this.#nextSeq = message.seq + 1;
    this.#unreleased++;
    this.#options.onMessage(this.#options.headersOnly ? withoutData(message) : message);
  }
}

function withoutData({ subject, headers, data, seq, time }: StoredMessage): StreamMessage {
  const sized: Headers = { ...headers, [SIZE_HEADER]: `${data.length}` };
  return { subject, headers: sized, data: new Uint8Array(0), seq, time };
}
