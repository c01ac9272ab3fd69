/** A clock whose time moves only when it is told to: simulations of hours run in milliseconds, and always alike. */
import { ImpossibleTransition } from "../errors.ts";
import type { Clock, Timer } from "./clock.ts";

/** As Node's own timers: no shorter waits, so that a timer that re-arms itself cannot hold time still. */
const SHORTEST_WAIT_MS = 1;

/** 2026-01-01T00:00:00Z. */
const DEFAULT_START = 1_767_225_600_000;

const HOUR = 3_600_000;

interface Entry {
  due: number;
  /** Order of creation; decides between timers that are due at the same time. */
  order: number;
  run: () => void;
  /** Undefined for a timer that runs once. */
  periodMs: number | undefined;
  state: "waiting" | "over";
}

/** A {@link Clock} under the control of {@link advance} and {@link runUntilIdle}. */
export class VirtualClock implements Clock {
  #now: number;
  #created = 0;
  #advancing = false;
  /** A binary heap: the entry at 0 is due first. Cancelled entries stay until they reach the top. */
  readonly #heap: Entry[] = [];
  #waitingOnce = 0;
  #waitingRepeating = 0;

  constructor(startMs: number = DEFAULT_START) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  /** Nothing else waits: whatever is due now ran before. */
  async giveWay(): Promise<void> {}

  after(ms: number, run: () => void): Timer {
    return this.#arm(ms, run, undefined);
  }

  every(ms: number, run: () => void): Timer {
    return this.#arm(ms, run, Math.max(SHORTEST_WAIT_MS, ms));
  }

  /** How many timers wait, repeating ones included. */
  get pendingTimers(): number {
    return this.#waitingOnce + this.#waitingRepeating;
  }

  /**
   * Moves time by `ms`: runs what falls due in the order of time, ties in the order of creation; promises settle
   * between any two timers. An error that a timer throws ends the advance and is thrown here.
   */
  advance(ms: number): Promise<void> {
    return this.#alone(async () => {
      const until = this.#now + ms;
      await this.#runWhile((next) => next.due <= until);
      this.#now = until;
    });
  }

  /**
   * Moves time on until no timer waits but repeating ones.
   * @throws ImpossibleTransition when that does not happen within `limitMs` of virtual time; @default an hour
   */
  runUntilIdle(limitMs: number = HOUR): Promise<void> {
    return this.#alone(async () => {
      const limit = this.#now + limitMs;
      await this.#runWhile((next) => this.#waitingOnce > 0 && next.due <= limit);
      if (this.#waitingOnce > 0) throw new ImpossibleTransition(`Timers still wait after ${limitMs} ms.`, []);
    });
  }

  async #alone(move: () => Promise<void>): Promise<void> {
    if (this.#advancing) throw new ImpossibleTransition("The virtual clock is being moved already.", []);
    this.#advancing = true;
    try {
      await move();
    } finally {
      this.#advancing = false;
    }
  }

  async #runWhile(wanted: (next: Entry) => boolean): Promise<void> {
    await turns.next();
    for (let next = this.#peek(); next !== undefined && wanted(next); next = this.#peek()) {
      this.#fire(next);
      await turns.next();
    }
  }

  #fire(entry: Entry): void {
    this.#popTop();
    this.#now = Math.max(this.#now, entry.due);
    if (entry.periodMs === undefined) this.#end(entry);
    else this.#push({ entry, due: entry.due + entry.periodMs });
    entry.run();
  }

  #arm(ms: number, run: () => void, periodMs: number | undefined): Timer {
    const entry: Entry = { due: 0, order: 0, run, periodMs, state: "waiting" };
    this.#push({ entry, due: this.#now + Math.max(SHORTEST_WAIT_MS, ms) });
    if (periodMs === undefined) this.#waitingOnce++;
    else this.#waitingRepeating++;
    return { cancel: () => this.#end(entry) };
  }

  #end(entry: Entry): void {
    if (entry.state === "over") return;
    entry.state = "over";
    if (entry.periodMs === undefined) this.#waitingOnce--;
    else this.#waitingRepeating--;
  }

  /** The timer that is due next; drops cancelled ones on the way. */
  #peek(): Entry | undefined {
    while (this.#heap[0]?.state === "over") this.#popTop();
    return this.#heap[0];
  }

  #push({ entry, due }: { entry: Entry; due: number }): void {
    entry.due = due;
    entry.order = this.#created++;
    let index = this.#heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapUnlessSooner(parent, index)) return;
      index = parent;
    }
  }

  #popTop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const child = this.#isSooner(right, left) ? right : left;
      if (!this.#swapUnlessSooner(index, child)) return;
      index = child;
    }
  }

  /** Swaps when the lower one is due before the upper one; tells whether it did. */
  #swapUnlessSooner(upper: number, lower: number): boolean {
    if (!this.#isSooner(lower, upper)) return false;
    const a = this.#heap[upper];
    const b = this.#heap[lower];
    if (a === undefined || b === undefined) return false;
    this.#heap[upper] = b;
    this.#heap[lower] = a;
    return true;
  }

  #isSooner(index: number, other: number): boolean {
    if (index >= this.#heap.length) return false;
    const a = this.#heap[index];
    const b = this.#heap[other];
    if (a === undefined) return false;
    return b === undefined || a.due < b.due || (a.due === b.due && a.order < b.order);
  }
}

/** So many turns are ordered at once: one loop around for each would cost several times as much as the turn itself. */
const TURNS = 64;

/** The event loop's immediates, of which each runs after all promises that can settle without time passing. */
class Turns {
  readonly #waiting: (() => void)[] = [];
  #ordered = 0;

  /** Resolves when no promise that can settle without time passing is unsettled. */
  readonly next = (): Promise<void> =>
    new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#ordered === 0) this.#order();
    });

  #order(): void {
    this.#ordered = TURNS;
    for (let i = 0; i < TURNS; i++) setImmediate(this.#take);
  }

  /** A turn that nobody waits for passes. */
  readonly #take = (): void => {
    this.#ordered--;
    this.#waiting.shift()?.();
  };
}

const turns = new Turns();
