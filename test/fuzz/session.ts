/** Fuzzes targets: which input comes is a function of seed, target and number alone. */
import fc from "fast-check";
import { Dice, mix } from "../sim/dice.ts";
import { judge, type Verdict } from "./judge.ts";
import { mutated } from "./mutate.ts";
import { shrunk } from "./shrink.ts";
import type { Input, Target } from "./target.ts";

export interface Finding {
  target: string;
  seed: number;
  number: number;
  what: string;
  /** Made smaller, as long as something is found. */
  input: Input;
}

/** What came of one target's inputs. */
export interface Tally {
  target: string;
  inputs: number;
  valid: number;
  refused: number;
  /** CPU time of this process, in milliseconds. */
  cpuMs: number;
  /** Of the input that took longest, in milliseconds by the clock. */
  slowestMs: number;
  findings: Finding[];
}

/** Valid inputs that the mutated ones are made of. */
const CORPUS = 200;
/** A target that fails is not asked much further. */
const MAX_FINDINGS = 5;

/** All inputs of a target under a seed. */
export class Inputs {
  readonly #corpus: readonly Input[];
  readonly #dice: Dice;

  constructor({ name, corpus }: Target, seed: number) {
    this.#dice = new Dice(seed).fork(name);
    this.#corpus = fc.sample(corpus, { seed, numRuns: CORPUS });
  }

  at(number: number): Input {
    const dice = new Dice(mix(number) ^ Math.floor(this.#dice.fork("input").next() * 2 ** 32));
    return mutated(dice.pick(this.#corpus), dice.pick(this.#corpus), dice);
  }
}

/** Runs so many inputs through a target; `onInput` is told of each before it begins. */
export async function fuzz(
  target: Target,
  { seed, inputs: asked, onInput }: { seed: number; inputs: number; onInput?: (number: number) => void },
): Promise<Tally> {
  const inputs = new Inputs(target, seed);
  const tally: Tally = {
    target: target.name,
    ...{ inputs: 0, valid: 0, refused: 0, cpuMs: 0, slowestMs: 0 },
    findings: [],
  };
  const before = process.cpuUsage();
  for (let number = 0; number < asked && tally.findings.length < MAX_FINDINGS; number++) {
    onInput?.(number);
    const input = inputs.at(number);
    const started = performance.now();
    const judged = judge(target, input);
    const verdict = judged instanceof Promise ? await judged : judged;
    tally.slowestMs = Math.max(tally.slowestMs, performance.now() - started);
    note(tally, verdict);
    if (verdict.type === "finding")
      tally.findings.push({ target: target.name, seed, number, ...(await smallest(target, input)) });
  }
  const { user, system } = process.cpuUsage(before);
  tally.cpuMs = (user + system) / 1_000;
  return tally;
}

function note(tally: Tally, { type }: Verdict): void {
  tally.inputs++;
  if (type === "valid") tally.valid++;
  if (type === "refused") tally.refused++;
}

async function smallest(target: Target, input: Input): Promise<{ input: Input; what: string }> {
  const small = await shrunk(input, async (candidate) => (await judge(target, candidate)).type === "finding");
  const verdict = await judge(target, small);
  return { input: small, what: verdict.type === "finding" ? verdict.what : "only sometimes" };
}
