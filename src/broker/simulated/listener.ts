/** A client's subscription to a core subject. */
import type { Subscription } from "../port.ts";
import type { Attachment, Ground } from "./ground.ts";
import type { Packet } from "./messages.ts";
import type { Subscriber } from "./pubsub.ts";

export interface ListenOptions {
  subject: string;
  queue: string | undefined;
  onPacket(packet: Packet): void;
}

export class Listener implements Subscription, Attachment {
  readonly #ground: Ground;
  readonly #options: ListenOptions;
  readonly #subscriber: Subscriber;
  #remove: () => void = () => {};
  #closed = false;

  constructor(ground: Ground, options: ListenOptions) {
    this.#ground = ground;
    this.#options = options;
    const { subject, queue } = options;
    this.#subscriber = { subject, queue, deliver: (packet) => this.#send(packet) };
    ground.attachments.add(this);
    if (ground.link.state === "up") this.attach();
  }

  attach(): void {
    const { core, link } = this.#ground;
    link.toServer(() => {
      core.pubsub.add(this.#subscriber);
      this.#remove = link.onEnd(() => core.pubsub.remove(this.#subscriber));
    });
  }

  close(): void {
    this.#closed = true;
    this.#ground.attachments.delete(this);
    this.#ground.link.toServer(() => this.#remove());
  }

  /** Runs at the server. */
  #send(packet: Packet): void {
    const { core, link, name } = this.#ground;
    const fate = core.options.faults.onCore?.({ client: name, subject: packet.subject });
    link.toClient(() => {
      if (!this.#closed) this.#options.onPacket(packet);
    }, fate);
  }
}
