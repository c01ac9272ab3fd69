/** Which crash points were struck how often, and which is next. */
import type { Dice } from "../sim/dice.ts";
import { POINTS } from "./crash-points.ts";
import type { Role } from "./history.ts";

export class PointTally {
  readonly #done: Map<string, number>;
  readonly #target: number;
  /** Times that a point was armed and not passed; they put it behind the others. */
  readonly #missed = new Map<string, number>();

  /** `done` is kept up to date; without a target every point is always wanted. */
  constructor(done: Map<string, number>, target = Number.POSITIVE_INFINITY) {
    this.#done = done;
    this.#target = target;
  }

  get isReached(): boolean {
    return POINTS.every((point) => this.#countOf(point) >= this.#target);
  }

  /** The point of a role to arm next: of those that are wanted, one that was tried least. */
  next(role: Role, dice: Dice): string | undefined {
    const wanted = POINTS.filter((point) => point.startsWith(`${role}.`) && this.#countOf(point) < this.#target);
    if (wanted.length === 0) return undefined;
    const tries = (point: string) => this.#countOf(point) + (this.#missed.get(point) ?? 0);
    const least = Math.min(...wanted.map(tries));
    return dice.pick(wanted.filter((point) => tries(point) === least));
  }

  note(point: string, isStruck: boolean): void {
    const tally = isStruck ? this.#done : this.#missed;
    tally.set(point, (tally.get(point) ?? 0) + 1);
  }

  #countOf(point: string): number {
    return this.#done.get(point) ?? 0;
  }
}
