/** The clock of one simulated process: wrong by an offset and a rate, and still while the process is. */
import type { Clock, Timer } from "../../src/runtime/clock.ts";

export interface ClockFault {
  offsetMs: number;
  /** How many of its milliseconds pass in a true one. */
  rate: number;
}

export class ActorClock implements Clock {
  readonly #truth: Clock;
  readonly #fault: ClockFault;
  #jumped = 0;
  readonly #origin: number;
  #held: (() => void)[] | undefined;
  #dead = false;
  #waiting = 0;

  constructor(truth: Clock, fault: ClockFault) {
    this.#truth = truth;
    this.#fault = fault;
    this.#origin = truth.now();
  }

  /** Timers that are armed. */
  get waiting(): number {
    return this.#waiting;
  }

  now(): number {
    return Math.floor(this.#origin + this.#fault.offsetMs + this.#jumped + this.monotonic());
  }

  monotonic(): number {
    return (this.#truth.now() - this.#origin) * this.#fault.rate;
  }

  async giveWay(): Promise<void> {}

  after(ms: number, run: () => void): Timer {
    let open = true;
    const end = () => {
      if (open) this.#waiting--;
      open = false;
    };
    this.#waiting++;
    const inner = this.#truth.after(this.#true(ms), () =>
      this.#fire(() => {
        if (!open) return;
        end();
        run();
      }),
    );
    return {
      cancel: () => {
        end();
        inner.cancel();
      },
    };
  }

  /** As in Node, an interval that was due several times while the process stood still fires once. */
  every(ms: number, run: () => void): Timer {
    let open = true;
    let due = false;
    this.#waiting++;
    const fire = () => {
      due = false;
      if (open) run();
    };
    const inner = this.#truth.every(this.#true(ms), () => {
      if (this.#dead) inner.cancel();
      if (due) return;
      due = true;
      this.#fire(fire);
    });
    return {
      cancel: () => {
        if (open) this.#waiting--;
        open = false;
        inner.cancel();
      },
    };
  }

  /** Sets the clock, as a time server does: timers do not care. */
  jump(ms: number): void {
    this.#jumped += ms;
  }

  pause(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    // One by one, so that promises settle in between.
    for (const run of held) this.#truth.after(1, () => this.#fire(run));
  }

  /** No timer fires any more. */
  kill(): void {
    this.#dead = true;
    this.#held = undefined;
  }

  #fire(run: () => void): void {
    if (this.#dead) return;
    if (this.#held !== undefined) this.#held.push(run);
    else run();
  }

  /** Whole milliseconds of true time. */
  #true(ms: number): number {
    return Math.max(1, Math.ceil(ms / this.#fault.rate));
  }
}
