/** Questions to other clients, and their answers. */
import { RequestFailed } from "../../errors.ts";
import type { Timer } from "../../runtime/clock.ts";
import type { GatherOptions, InMessage, OutMessage, RequestOptions, Subscription } from "../port.ts";
import type { Packet } from "./messages.ts";

/** Timers of the asking process. */
interface Timers {
  after(ms: number, run: () => void): Timer;
}

export interface RequestGround {
  timers: Timers;
  /** A fresh subject for the answers. */
  inbox(): string;
  listen(subject: string, onPacket: (packet: Packet) => void): Subscription;
  publish(message: OutMessage): void;
  /** False once the asking process is dead: its questions never settle. */
  alive(): boolean;
}

/** How a collection of answers ended. */
type End = "enough" | "stalled" | "timed out" | "nobody listens" | "aborted";

/** @throws RequestFailed when nobody answers, not in time, or the signal aborts */
export async function request(
  ground: RequestGround,
  message: OutMessage,
  options: RequestOptions,
): Promise<InMessage> {
  const { answers, end } = await collect(ground, message, { ...options, max: 1 });
  const [answer] = answers;
  if (answer !== undefined) return answer;
  if (end === "aborted") throw options.signal?.reason;
  const reason = end === "nobody listens" ? "nobody listens there." : "no answer in time.";
  throw new RequestFailed(message.subject, reason);
}

/** Collects answers; none is an empty list. @throws the signal's reason when it aborts */
export async function gather(
  ground: RequestGround,
  message: OutMessage,
  options: GatherOptions,
): Promise<InMessage[]> {
  const { answers, end } = await collect(ground, message, options);
  if (end === "aborted") throw options.signal?.reason;
  return answers;
}

async function collect(
  ground: RequestGround,
  message: OutMessage,
  options: GatherOptions,
): Promise<Collected> {
  if (options.signal?.aborted) return { answers: [], end: "aborted" };
  return await new Promise((resolve) => {
    const reply = ground.inbox();
    const collection = new Collection(ground.timers, options, (collected) => {
      if (ground.alive()) resolve(collected);
    });
    const subscription = ground.listen(reply, (packet) => collection.add(packet));
    collection.onEnd(() => subscription.close());
    ground.publish({ ...message, reply });
  });
}

interface Collected {
  answers: InMessage[];
  end: End;
}

/** Answers that are coming in, and the limits that end it. */
class Collection {
  readonly #timers: Timers;
  readonly #options: GatherOptions;
  readonly #resolve: (collected: Collected) => void;
  readonly #answers: InMessage[] = [];
  readonly #limit: Timer;
  readonly #undo: (() => void)[] = [];
  #stall: Timer | undefined;

  constructor(timers: Timers, options: GatherOptions, resolve: (collected: Collected) => void) {
    this.#timers = timers;
    this.#options = options;
    this.#resolve = resolve;
    this.#limit = timers.after(options.timeoutMs, () => this.#end("timed out"));
    const onAbort = () => this.#end("aborted");
    options.signal?.addEventListener("abort", onAbort, { once: true });
    this.#undo.push(() => options.signal?.removeEventListener("abort", onAbort));
  }

  onEnd(undo: () => void): void {
    this.#undo.push(undo);
  }

  add(packet: Packet): void {
    const { max = Number.POSITIVE_INFINITY } = this.#options;
    const isAnswer = packet.status === undefined;
    if (isAnswer) this.#answers.push(packet);
    if (!isAnswer) this.#end("nobody listens");
    else if (this.#answers.length >= max) this.#end("enough");
    else this.#awaitMore();
  }

  #awaitMore(): void {
    const { stallMs } = this.#options;
    this.#stall?.cancel();
    if (stallMs !== undefined) this.#stall = this.#timers.after(stallMs, () => this.#end("stalled"));
  }

  #end(end: End): void {
    this.#limit.cancel();
    this.#stall?.cancel();
    for (const undo of this.#undo) undo();
    this.#resolve({ answers: this.#answers, end });
  }
}
