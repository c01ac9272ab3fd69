/** Which crash points were struck how often, and which is next. */
import type { Dice } from "../sim/dice.ts";
import { POINTS } from "./crash-points.ts";
import type { Role } from "./history.ts";

/**
 * An actor dies at whichever armed point it comes to first. Were all armed, that would be a common one, again and again; were few,
 * those that are seldom passed would let it live.
 */
const ARMED_SHARE = 0.5;
const ARMED_AT_LEAST = 6;

export class PointTally {
  readonly #struck = new Map<string, number>();
  readonly #target: number;
  /** Without a target every point is always wanted. */
  constructor(target = Number.POSITIVE_INFINITY) {
    this.#target = target;
  }

  /** By point, how often it was struck. */
  get tally(): ReadonlyMap<string, number> {
    return new Map(POINTS.map((point) => [point, this.#countOf(point)]));
  }

  get isReached(): boolean {
    return this.missing.length === 0;
  }

  /** The points that were not struck often enough. */
  get missing(): string[] {
    return POINTS.filter((point) => this.#countOf(point) < this.#target);
  }

  /** Some point of the role was not struck often enough. */
  wants(role: Role): boolean {
    return this.#wanted(role).length > 0;
  }

  /** The points of a role to arm next: of those that are wanted, the ones that were struck least. */
  next(role: Role, dice: Dice): string[] {
    const wanted = this.#wanted(role);
    const byLuck = new Map(wanted.map((point) => [point, dice.next()]));
    const luckOf = (point: string) => byLuck.get(point) ?? 0;
    wanted.sort((a, b) => this.#countOf(a) - this.#countOf(b) || luckOf(a) - luckOf(b));
    return wanted.slice(0, Math.max(ARMED_AT_LEAST, Math.ceil(wanted.length * ARMED_SHARE)));
  }

  deathsOf(role: Role): number {
    return POINTS.filter((point) => point.startsWith(`${role}.`)).reduce(
      (sum, point) => sum + this.#countOf(point),
      0,
    );
  }

  /** How many actors of a role will have died here until each of its points was struck often enough. */
  deathsToCome(role: Role): number {
    return this.#wanted(role).reduce((sum, point) => sum + this.#target - this.#countOf(point), 0);
  }

  note(point: string): void {
    this.#struck.set(point, this.#countOf(point) + 1);
  }

  #wanted(role: Role): string[] {
    return POINTS.filter((point) => point.startsWith(`${role}.`) && this.#countOf(point) < this.#target);
  }

  #countOf(point: string): number {
    return this.#struck.get(point) ?? 0;
  }
}
