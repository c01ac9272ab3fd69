/**
 * The pull loop under consumptions and tails: it keeps enough pull requests open at the server to cover what was asked
 * for, renews them when they expire, and notices when the server or the consumer went silent.
 */
import type { Msg, NatsConnection, Subscription } from "nats";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Outbox } from "./outbox.ts";

export interface PullOptions {
  nc: NatsConnection;
  outbox: Outbox;
  clock: Clock;
  apiPrefix: string;
  stream: string;
  consumer: string;
  inbox: string;
  /** How long a pull request stays open at the server. */
  expiresMs: number;
  onMessage(message: Msg): void;
  /**
   * The loop's requests go unanswered or are refused, `times` in a row; the owner may mend the consumer, the loop begins
   * anew.
   */
  onTrouble(reason: string, times: number): void;
}

const NANOS_PER_MS = 1_000_000;
/** How long to wait after a refusal before asking again; it doubles up to the second with every one in a row. */
const RETRY_MS = 250;
const MAX_RETRY_MS = 2_000;
/** How long the end of a subscription may take, in milliseconds. */
const DRAIN_MS = 2_000;

const STATUS = {
  heartbeat: 100,
  badRequest: 400,
  notFound: 404,
  timeout: 408,
  conflict: 409,
  noResponders: 503,
} as const;

export class PullLoop {
  readonly #options: PullOptions;
  readonly #subscription: Subscription;
  readonly #watch: Timer;
  readonly #heartbeatMs: number;
  /** Messages that the owner asked for and did not get yet. */
  #wanted = 0;
  /** Messages that open pull requests still allow the server to send. */
  #requested = 0;
  #lastSign: number;
  #scheduled = false;
  #retry: Timer | undefined;
  #troubles = 0;
  #stopped = false;
  #ended: Promise<void> | undefined;

  constructor(options: PullOptions) {
    this.#options = options;
    this.#heartbeatMs = Math.max(250, Math.min(5_000, options.expiresMs / 4));
    this.#lastSign = options.clock.now();
    this.#subscription = options.nc.subscribe(options.inbox, {
      callback: (error, message) => {
        if (error === null) this.#onMessage(message);
      },
    });
    this.#watch = options.clock.every(this.#heartbeatMs, () => this.#checkSigns());
  }

  get wanted(): number {
    return this.#wanted;
  }

  request(count: number): void {
    this.#wanted += count;
    this.#schedule();
  }

  /** Forgets what is open at the server (it is gone, say after a reconnect) and asks again. */
  restart(): void {
    this.#requested = 0;
    this.#lastSign = this.#options.clock.now();
    this.#schedule();
  }

  /** Ends the loop once all that the server sent us has been handed to the owner. */
  stop(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.#stopped = true;
    this.#watch.cancel();
    this.#retry?.cancel();
    const { nc, clock } = this.#options;
    if (nc.isClosed() || this.#subscription.isClosed()) return;
    // While the server is away a drain waits for its return; what it had sent us is lost anyway.
    const limit = new Promise<void>((resolve) => clock.after(DRAIN_MS, resolve));
    await Promise.race([this.#subscription.drain(), limit]);
  }

  /** One pull request covers all that was asked for in the same turn of the event loop. */
  #schedule(): void {
    if (this.#scheduled || this.#stopped || this.#retry !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pull();
    });
  }

  #pull(): void {
    const missing = this.#wanted - this.#requested;
    if (this.#stopped || missing <= 0 || this.#options.nc.isClosed()) return;
    // Renewing at the half spares a request a message; an idle loop asks for whatever is missing at once.
    if (missing < this.#requested) return;
    const { apiPrefix, stream, consumer, outbox, inbox, expiresMs, clock } = this.#options;
    const body = {
      batch: missing,
      expires: expiresMs * NANOS_PER_MS,
      idle_heartbeat: this.#heartbeatMs * NANOS_PER_MS,
    };
    if (this.#requested === 0) this.#lastSign = clock.now();
    this.#requested += missing;
    outbox.tell(`${apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(body), inbox);
  }

  #onMessage(message: Msg): void {
    this.#lastSign = this.#options.clock.now();
    if (message.reply === undefined || message.reply === "") return this.#onStatus(message);
    this.#troubles = 0;
    this.#wanted = Math.max(0, this.#wanted - 1);
    this.#requested = Math.max(0, this.#requested - 1);
    this.#options.onMessage(message);
    this.#schedule();
  }

  #onStatus(message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (code === STATUS.heartbeat) {
      this.#troubles = 0;
      return;
    }
    const left = Number(message.headers?.get("Nats-Pending-Messages"));
    this.#requested = Number.isFinite(left) && left > 0 ? Math.max(0, this.#requested - left) : 0;
    if (code === STATUS.timeout || code === STATUS.notFound) return this.#schedule();
    this.#trouble(`${code} ${message.headers?.description ?? ""}`.trim());
  }

  /** Asks again after a pause, so that a consumer that is gone does not make us spin. */
  #trouble(reason: string): void {
    if (this.#stopped || this.#retry !== undefined) return;
    this.#troubles++;
    this.#options.onTrouble(reason, this.#troubles);
    const wait = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (this.#troubles - 1));
    this.#retry = this.#options.clock.after(wait, () => {
      this.#retry = undefined;
      this.restart();
    });
  }

  #checkSigns(): void {
    if (this.#requested === 0) return this.#schedule();
    const silence = this.#options.clock.now() - this.#lastSign;
    if (silence <= 2 * this.#heartbeatMs + 250) return;
    this.#requested = 0;
    this.#lastSign = this.#options.clock.now();
    this.#trouble(`no heartbeat for ${silence} ms`);
  }
}
