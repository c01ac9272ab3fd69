/** The wire between one client and the server. */
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Fate } from "./faults.ts";
import { soon } from "./soon.ts";

/**
 * - `up`: what is sent arrives, in order, after the promises of now have settled.
 * - `cut`: the connection is lost and both sides know. What was under way is lost; what the client sends waits.
 * - `closed`: the client has closed it.
 * - `dead`: the client's process is gone; nothing ever arrives again on either side.
 */
export type LinkState = "up" | "cut" | "closed" | "dead";

export class Link {
  readonly #clock: Clock;
  #state: LinkState = "up";
  /** Counts connections; what an earlier one carried is lost. */
  #connection = 1;
  #backlog: (() => void)[] = [];
  /** What arrived while the client's process was paused; undefined while it runs. */
  #unread: (() => void)[] | undefined;
  /** When the last message that must keep its place arrives, in milliseconds since 1970. */
  #orderedUntil = 0;
  /** What the server undoes when this connection ends. */
  readonly #onEnd = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The client's process stands still, as after SIGSTOP: what arrives is not read. */
  pause(): void {
    this.#unread ??= [];
  }

  /** It goes on, and reads what has come meanwhile. */
  resume(): void {
    const unread = this.#unread ?? [];
    this.#unread = undefined;
    for (const read of unread) read();
  }

  /** Calls into the client's process, once it runs. */
  hand(call: () => void): void {
    if (this.#unread === undefined) call();
    else this.#unread.push(call);
  }

  /** A timer in the client's process. */
  after(ms: number, run: () => void): Timer {
    return this.#clock.after(ms, () => this.hand(run));
  }

  toServer(arrive: () => void, fate: Fate = "pass"): void {
    if (this.#state === "cut") this.#backlog.push(() => this.#carry(arrive, fate));
    else if (this.#state === "up") this.#carry(arrive, fate);
  }

  toClient(arrive: () => void, fate: Fate = "pass"): void {
    if (this.#state === "up") this.#carry(() => this.hand(arrive), fate);
  }

  /** Like {@link toClient}, but no later message of this kind overtakes it, nor is any lost. */
  toClientInOrder(arrive: () => void, delayMs: number): void {
    const now = this.#clock.now();
    const isFree = delayMs === 0 && this.#orderedUntil < now;
    if (!isFree) this.#orderedUntil = Math.max(this.#orderedUntil, now + Math.max(1, delayMs));
    this.toClient(arrive, isFree ? "pass" : { delayMs: this.#orderedUntil - now });
  }

  /** Has the server call `undo` when the connection ends. Returns what does it at once. */
  onEnd(undo: () => void): () => void {
    this.#onEnd.add(undo);
    return () => {
      if (this.#onEnd.delete(undo)) undo();
    };
  }

  /** Loses the connection: by accident, for good, or by the death of the client. */
  end(state: Exclude<LinkState, "up">): void {
    this.#connection++;
    this.#state = state;
    if (state !== "cut") this.#backlog = [];
    if (state === "dead") this.#unread = [];
    this.#orderedUntil = 0;
    const undoing = [...this.#onEnd];
    this.#onEnd.clear();
    for (const undo of undoing) undo();
  }

  /** Connects again: `attach` makes anew what the server has forgotten, then follows what was sent meanwhile. */
  heal(attach: () => void): void {
    if (this.#state !== "cut") return;
    this.#state = "up";
    attach();
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const send of backlog) send();
  }

  #carry(arrive: () => void, fate: Fate): void {
    if (fate === "drop") return;
    const connection = this.#connection;
    const land = () => {
      if (connection === this.#connection) arrive();
    };
    if (typeof fate === "object") {
      this.#clock.after(fate.delayMs, land);
      return;
    }
    soon(land);
    if (fate === "twice") soon(land);
  }
}
