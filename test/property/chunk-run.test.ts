/** A chunk under random failures, crashes and wrongly blamed crashes, against a model that knows each item by itself. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChunkMove, onPass, onWaited, startChunk } from "../../src/domain/chunk-run.ts";
import { NO_DIGEST } from "../../src/domain/item-digest.ts";
import type { ItemFailure, PassResult, Piece } from "../../src/domain/pass.ts";
import { parseReduce, reducerFor } from "../../src/domain/reducers/index.ts";
import { settleChunk } from "../../src/domain/settle-chunk.ts";

/** What an item does at one attempt. `mine` kills the thread only under the item that runs next in the same pass. */
type Deed = "ok" | "fail" | "later" | "permanent" | "crash" | "mine";

const RETRY_AFTER = 777;

const deeds = (kinds: readonly Deed[]) =>
  fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.constant<Deed>("ok") },
      { weight: 3, arbitrary: fc.constantFrom(...kinds) },
    ),
    {
      minLength: 1,
      maxLength: 5,
    },
  );

const scripts = (kinds: readonly Deed[]) => fc.array(deeds(kinds), { minLength: 1, maxLength: 40 });

interface Trial {
  from: number;
  scripts: Deed[][];
  maxAttempts: number;
  random: () => number;
}

const trial = (kinds: readonly Deed[]): fc.Arbitrary<Trial> =>
  fc.record({
    from: fc.nat(1_000),
    scripts: scripts(kinds),
    maxAttempts: fc.integer({ min: 1, max: 4 }),
    random: fc.double({ min: 0, max: 0.999, noNaN: true }).map((value) => () => value),
  });

/** Deeds beyond the script repeat its last one. */
const deedAt = (script: Deed[], attempt: number): Deed =>
  script[Math.min(attempt, script.length) - 1] ?? "ok";

/** Runs one pass as an executor does. */
function simulate(
  { from, scripts: all }: Trial,
  offsets: readonly number[],
  attempts: Readonly<Record<number, number>>,
): PassResult {
  const pieces: Piece[] = [];
  const failures: ItemFailure[] = [];
  let armed = false;
  for (const [at, offset] of offsets.entries()) {
    const attempt = attempts[offset] ?? 1;
    const deed = deedAt(all[offset] ?? [], attempt);
    const failed = {
      index: from + offset,
      attempt,
      code: "handler_failed",
      message: deed,
      permanent: deed === "permanent",
    };
    if (armed || deed === "crash")
      return died(offsets, at, { ...failed, code: "handler_crashed", permanent: false });
    if (deed === "ok" || deed === "mine") addOutput(pieces, from + offset);
    else failures.push(deed === "later" ? { ...failed, retryAfter: RETRY_AFTER } : failed);
    armed = deed === "mine";
  }
  return { pieces, failures, notRun: [], handlerMs: 1 };
}

function died(offsets: readonly number[], at: number, failure: ItemFailure): PassResult {
  return {
    pieces: [],
    failures: [failure],
    notRun: offsets.filter((_, other) => other !== at),
    handlerMs: 0,
  };
}

const DIGESTS = { inputs: NO_DIGEST, outputs: NO_DIGEST };

function addOutput(pieces: Piece[], index: number): void {
  const last = pieces.at(-1);
  if (last === undefined || last.from + last.count !== index) {
    pieces.push({ from: index, count: 1, partial: `[${index}]`, digests: DIGESTS });
    return;
  }
  last.partial = `${last.partial.slice(0, -1)},${index}]`;
  last.count++;
}

interface Ended {
  pieces: readonly Piece[];
  failures: readonly ItemFailure[];
  passes: number;
}

/** Drives a chunk to its end, and checks each of its steps on the way. */
function drive(given: Trial): Ended {
  const count = given.scripts.length;
  const failed = new Map<number, number>();
  const notBefore = new Map<number, number>();
  let [now, passes] = [0, 0];
  let move: ChunkMove = startChunk({ from: given.from, count });
  while (move.next.type !== "done") {
    if (move.next.type === "wait") {
      expect(move.next.ms).toBeGreaterThan(0);
      now += move.next.ms;
      move = onWaited(move.state, now);
      continue;
    }
    const { offsets = Array.from({ length: count }, (_, i) => i), attempts = {} } = move.next;
    expect(offsets.length).toBeGreaterThan(0);
    expect([...offsets].sort((a, b) => a - b)).toEqual(offsets);
    for (const offset of offsets) {
      expect(attempts[offset] ?? 1).toBe((failed.get(offset) ?? 0) + 1);
      expect(attempts[offset] ?? 1).toBeLessThanOrEqual(given.maxAttempts);
      expect(now).toBeGreaterThanOrEqual(notBefore.get(offset) ?? 0);
    }
    const result = simulate(given, offsets, attempts);
    passes++;
    now += 3;
    for (const { index, attempt, retryAfter = 0 } of result.failures) {
      failed.set(index - given.from, attempt);
      notBefore.set(index - given.from, now + retryAfter);
    }
    move = onPass(move.state, result, { maxAttempts: given.maxAttempts, random: given.random, now });
  }
  return { pieces: move.next.pieces, failures: move.next.failures, passes };
}

/** Every item of the chunk, as often as it is settled. */
function settledItems({ pieces, failures }: Ended): number[] {
  const reduced = pieces.flatMap(({ from, count }) => Array.from({ length: count }, (_, i) => from + i));
  return [...reduced, ...failures.map(({ index }) => index)].sort((a, b) => a - b);
}

const everyItem = ({ from, scripts: all }: Trial) => all.map((_, offset) => from + offset);

/** The attempt at which an item fails for good, or undefined where it succeeds. */
function failsAt(script: Deed[], maxAttempts: number): number | undefined {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const deed = deedAt(script, attempt);
    if (deed === "ok") return undefined;
    if (deed === "permanent") return attempt;
  }
  return maxAttempts;
}

describe("a chunk under random failures and crashes", () => {
  it("settles every item exactly once, as the item alone would have ended, in order", () => {
    fc.assert(
      fc.property(trial(["fail", "later", "permanent", "crash"]), (given) => {
        const ended = drive(given);
        expect(settledItems(ended)).toEqual(everyItem(given));
        const wanted = given.scripts.map((script) => failsAt(script, given.maxAttempts));
        const { partial, failures } = settleChunk(reducerFor(parseReduce("collect")), {
          ...{ from: given.from, count: given.scripts.length },
          ...ended,
        });
        expect(JSON.parse(partial)).toEqual(
          wanted.map((at, offset) => (at === undefined ? given.from + offset : null)),
        );
        const failing = wanted.flatMap((at, offset) => (at === undefined ? [] : [[given.from + offset, at]]));
        expect(failures.map(({ index, attempt }) => [index, attempt])).toEqual(failing);
      }),
      { numRuns: 500 },
    );
  });

  it("settles every item exactly once even where the wrong item is blamed, within bounds", () => {
    fc.assert(
      fc.property(trial(["fail", "permanent", "crash", "mine"]), (given) => {
        const ended = drive(given);
        expect(settledItems(ended)).toEqual(everyItem(given));
        expect(ended.passes).toBeLessThanOrEqual(2 * given.scripts.length * given.maxAttempts + 10);
      }),
      { numRuns: 500 },
    );
  });
});
