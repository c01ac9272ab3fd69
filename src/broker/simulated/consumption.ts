/** The client's side of a consumer: takes deliveries by credit, and settles them. */
import type { ConsumeOptions, ConsumerPlan, Consumption, Delivery, Headers } from "../port.ts";
import type { Pull, SimulatedConsumer } from "./consumer.ts";
import type { Fate, LeasePassage } from "./faults.ts";
import { type Attachment, type Ground, look } from "./ground.ts";
import type { StoredMessage } from "./messages.ts";

/** How long to wait before asking again for a consumer that is not there. */
const RETRY_MS = 250;

export class SimulatedConsumption implements Consumption, Attachment {
  readonly #ground: Ground;
  readonly #options: ConsumeOptions;
  /** Undefined when this client does not know how the consumer was made. */
  readonly #plan: ConsumerPlan | undefined;
  #pull: Pull;
  #outstanding = 0;
  #stopped = false;

  constructor(ground: Ground, options: ConsumeOptions, plan: ConsumerPlan | undefined) {
    this.#ground = ground;
    this.#options = options;
    this.#plan = plan;
    this.#pull = this.#newPull();
    ground.attachments.add(this);
    if (ground.link.state === "up") this.attach();
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  request(count: number): void {
    if (this.#stopped || count <= 0) return;
    this.#outstanding += count;
    this.#ask(count);
  }

  attach(): void {
    const pull = this.#newPull();
    this.#pull = pull;
    this.#ground.link.onEnd(() => this.#consumer()?.dropPull(pull));
    this.#ask(this.#outstanding);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ground.attachments.delete(this);
    const { state } = this.#ground.link;
    if (state === "cut" || state === "closed") return;
    await look(this.#ground, this.#options.consumer, () => this.#consumer()?.dropPull(this.#pull)).catch(
      () => {},
    );
  }

  #consumer(): SimulatedConsumer | undefined {
    return this.#ground.core.consumer(this.#options.stream, this.#options.consumer);
  }

  #newPull(): Pull {
    const pull: Pull = {
      left: 0,
      deliver: (message, deliveries) => this.#send(pull, message, deliveries),
      broken: (reason) => this.#ground.link.toClient(() => this.#onBroken(pull, reason)),
    };
    return pull;
  }

  /** While the connection is cut nothing is sent: {@link attach} asks for all that is outstanding. */
  #ask(count: number): void {
    const pull = this.#pull;
    if (count === 0 || this.#ground.link.state !== "up") return;
    this.#ground.link.toServer(() => {
      const consumer = this.#consumer();
      if (consumer === undefined) pull.broken("no such consumer");
      else consumer.topUp(pull, count);
    });
  }

  /** Runs at the server. */
  #send(pull: Pull, message: StoredMessage, deliveries: number): void {
    const fate = this.#fate(message, deliveries);
    // The real adapter asks again for what was due and did not come.
    if (fate === "drop") this.#consumer()?.topUp(pull, 1);
    let copies = 0;
    this.#ground.link.toClient(() => this.#onDelivery(message, deliveries, ++copies), fate);
  }

  #onDelivery(message: StoredMessage, deliveries: number, copy: number): void {
    const delivery = new SimulatedDelivery(this.#ground, this.#options, message, deliveries);
    if (copy === 1) this.#outstanding--;
    if (this.#stopped) delivery.nak();
    else this.#options.onDelivery(delivery);
  }

  #onBroken(pull: Pull, reason: string): void {
    if (this.#stopped || pull !== this.#pull) return;
    this.#pull = this.#newPull();
    this.#options.onTrouble?.(reason);
    this.#ground.core.options.clock.after(RETRY_MS, () => this.#mend());
  }

  #mend(): void {
    const { link, core } = this.#ground;
    if (this.#stopped || link.state !== "up") return;
    const plan = this.#plan;
    if (plan !== undefined) link.toServer(() => core.ensureConsumer(plan));
    this.attach();
  }

  #fate({ subject, seq }: StoredMessage, deliveries: number): Fate {
    const { stream, consumer } = this.#options;
    const passage = { client: this.#ground.name, subject, stream, consumer, seq, deliveries };
    return this.#ground.core.options.faults.onDeliver?.(passage) ?? "pass";
  }
}

class SimulatedDelivery implements Delivery {
  readonly #ground: Ground;
  readonly #source: ConsumeOptions;
  readonly #message: StoredMessage;
  readonly deliveries: number;
  #settled = false;

  constructor(ground: Ground, source: ConsumeOptions, message: StoredMessage, deliveries: number) {
    this.#ground = ground;
    this.#source = source;
    this.#message = message;
    this.deliveries = deliveries;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  get headers(): Headers {
    return this.#message.headers;
  }

  get seq(): number {
    return this.#message.seq;
  }

  get time(): number {
    return this.#message.time;
  }

  ack(): void {
    this.#settle((consumer) => consumer.ack(this.seq));
  }

  nak(delayMs = 0): void {
    this.#settle((consumer) => consumer.nak(this.seq, delayMs));
  }

  term(_reason: string): void {
    this.#settle((consumer) => consumer.term(this.seq));
  }

  working(): void {
    if (!this.#settled) this.#tell((consumer) => consumer.working(this.seq));
  }

  /** Only the first settlement is sent. */
  #settle(how: (consumer: SimulatedConsumer) => void): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#tell(how);
  }

  #tell(how: (consumer: SimulatedConsumer) => void): void {
    const { core, link, name } = this.#ground;
    const { stream, consumer } = this.#source;
    const { seq, deliveries, subject } = this;
    const passage: LeasePassage = { client: name, subject, stream, consumer, seq, deliveries };
    const arrive = () => {
      const found = core.consumer(stream, consumer);
      if (found !== undefined) how(found);
    };
    link.toServer(arrive, core.options.faults.onSettle?.(passage));
  }
}
