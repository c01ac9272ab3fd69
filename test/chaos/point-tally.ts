/** Which crash points were struck how often, and which is next. */
import type { Dice } from "../sim/dice.ts";
import { POINTS } from "./crash-points.ts";
import type { Role } from "./history.ts";

export class PointTally {
  readonly #struck = new Map<string, number>();
  readonly #target: number;
  /** Times that a point was armed and not passed; they put it behind the others. */
  readonly #missed = new Map<string, number>();

  /** Without a target every point is always wanted. */
  constructor(target = Number.POSITIVE_INFINITY) {
    this.#target = target;
  }

  /** By point, how often it was struck. */
  get tally(): ReadonlyMap<string, number> {
    return new Map(POINTS.map((point) => [point, this.#countOf(point)]));
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

  deathsOf(role: Role): number {
    return POINTS.filter((point) => point.startsWith(`${role}.`)).reduce(
      (sum, point) => sum + this.#countOf(point),
      0,
    );
  }

  note(point: string, isStruck: boolean): void {
    const tally = isStruck ? this.#struck : this.#missed;
    tally.set(point, (tally.get(point) ?? 0) + 1);
  }

  #countOf(point: string): number {
    return this.#struck.get(point) ?? 0;
  }
}
