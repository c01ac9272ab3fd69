/** What actors tell each other in streams: tasks, results, packs, outcomes, dead letters, progress, specs. */
import fc from "fast-check";
import { readInputs } from "../../../src/actors/handlers/inputs.ts";
import { reducerFor } from "../../../src/domain/reducers/index.ts";
import { decodeDeadLetter, encodeDeadLetter } from "../../../src/protocol/dead-letter.ts";
import {
  decodeResult,
  decodeTask,
  encodeResult,
  encodeTask,
  type Result,
} from "../../../src/protocol/messages.ts";
import { decodeOutcome, encodeOutcome, errorBody, type Outcome } from "../../../src/protocol/outcome.ts";
import { decodePack, encodePack, type PackedResult } from "../../../src/protocol/pack.ts";
import { decodeProgress, encodeProgress } from "../../../src/protocol/progress.ts";
import { encodeSpec, SpecDecoder } from "../../../src/protocol/spec.ts";
import { chunk, defined, failure, optional, sentence, spec, state, time, token } from "../arbitraries.ts";
import {
  delivered,
  inputOf,
  messageOf,
  mustBeSame,
  mustHold,
  partOf,
  type Target,
  textOf,
} from "../target.ts";

const ms = fc.nat(1e9).map((micros) => micros / 1_000);
const specs = new SpecDecoder();

const specTarget: Target = {
  name: "spec",
  corpus: spec.map((each) => ({ text: partOf(encodeSpec(each)) })),
  check({ text }) {
    const decoded = new SpecDecoder().decode(textOf(text));
    mustBeSame(new SpecDecoder().decode(encodeSpec(decoded)), decoded, "the spec came back otherwise");
    reducerFor(decoded.reduce, (a) => a);
  },
};

const task: Target = {
  name: "task",
  corpus: fc
    .tuple(chunk, fc.array(fc.tuple(fc.nat(3), sentence), { maxLength: 2 }))
    .map(([each, bad]) =>
      inputOf(encodeTask({ ...each, invalid: bad.map(([offset, message]) => ({ offset, message })) })),
    ),
  check(input) {
    const decoded = decodeTask(messageOf(input), specs);
    const { items, specText, ...rest } = decoded;
    const again = decodeTask(delivered(encodeTask(decoded, specText)), specs);
    mustHold(Buffer.from(items).equals(Buffer.from(again.items)), "the items came back otherwise");
    mustBeSame({ ...again, items: 0, specText }, { ...rest, items: 0, specText }, "the task");
    const source = readInputs({ inputs: { type: "items", json: items }, count: decoded.count });
    for (let offset = 0; offset < decoded.count; offset++)
      mustHold(source.text(offset) !== undefined, `item ${offset} has no text`);
  },
};

const result: fc.Arbitrary<Result> = chunk
  .chain(({ spec: ofJob, from, count, items }) =>
    fc.record({
      spec: fc.constant(ofJob),
      from: fc.constant(from),
      count: fc.constant(count),
      partial: fc.constant(items),
      object: optional(token),
      failures: fc.uniqueArray(failure(from, count), { selector: ({ index }) => index, maxLength: 3 }),
      handlerMs: ms,
      worker: token,
    }),
  )
  .map((fields) => defined(fields) as Result);

const resultTarget: Target = {
  name: "result",
  corpus: result.map((each) => inputOf(encodeResult(each))),
  check(input) {
    const first = decodeResult(messageOf(input), specs);
    const second = decodeResult(delivered(encodeResult(first)), specs);
    mustBeSame(placeOf(second), placeOf(first), "the result came back otherwise");
    const third = decodeResult(delivered(encodeResult(second)), specs);
    mustBeSame(third, second, "the result came back otherwise the second time");
    reducerFor(first.spec.reduce).decode(first.partial);
  },
};

/** What of a result counts; of its failures only the first few are named, and their sentences cut. */
function placeOf({ spec: ofJob, from, count, partial, failed, object }: Result) {
  return { spec: ofJob, from, count, partial, failed, object };
}

const word = fc.nat(0xffff_ffff);
const packed = fc.record({
  count: fc.constant(1),
  partial: fc.string({ unit: "grapheme" }).map((text) => JSON.stringify([text])),
  failures: fc.constant([]),
  handlerMs: ms,
  worker: fc.constant("w"),
  tally: fc.record({
    ...{ outputs: fc.nat(9), attempts: fc.nat(9), slots: fc.constant(4) },
    ...{ inputDigest: fc.tuple(word, word), outputDigest: fc.tuple(word, word) },
    ...{ began: fc.integer({ min: 1e12, max: 2e12 }), ended: fc.integer({ min: 1e12, max: 2e12 }) },
  }),
});

const pack: Target = {
  name: "pack",
  corpus: fc.tuple(spec, fc.array(packed, { minLength: 1, maxLength: 4 })).map(([ofJob, parts]) => {
    const { total: _, ...rest } = ofJob;
    return inputOf(encodePack(parts.map((part, from) => ({ ...part, spec: rest, from }))));
  }),
  check(input) {
    const results = decodePack(messageOf(input), specs).map((arrival) => arrival.result as PackedResult);
    const again = decodePack(delivered(encodePack(results)), specs).map((arrival) => arrival.result);
    mustBeSame(again, results, "the results came back otherwise");
  },
};

const outcome: fc.Arbitrary<Outcome> = fc
  .record({
    job: token,
    kind: token,
    state,
    counts: fc.record({
      ...{ items: fc.nat(), failed: fc.nat(), tasks: fc.nat(), duplicates: fc.nat() },
      handlerMs: ms,
    }),
    times: fc.record({ submitted: time, started: optional(time), finished: time }).map(defined),
    object: optional(fc.constant("MUSTER_OUTPUTS/x")),
    error: optional(
      fc.record({ code: token, message: sentence, status: fc.integer({ min: 400, max: 599 }) }),
    ),
    failures: fc.array(failure(0, 100), { maxLength: 3 }),
  })
  .map((fields) => defined({ ...fields, body: fields.error ? errorBody(fields.error) : "[1]" }) as Outcome);

const outcomeTarget: Target = {
  name: "outcome",
  corpus: outcome.map((each) => inputOf(encodeOutcome(each), `muster.outcomes.${each.job}`)),
  check(input) {
    const first = decodeOutcome(messageOf(input));
    const second = decodeOutcome(delivered(encodeOutcome(first)));
    const third = decodeOutcome(delivered(encodeOutcome(second)));
    mustBeSame(second.counts.items, first.counts.items, "the number of items");
    mustBeSame(second.state, first.state, "the state");
    mustBeSame(third, second, "the outcome came back otherwise");
  },
};

const dead: Target = {
  name: "dead-letter",
  corpus: fc
    .tuple(failure(0, 1e6), token, token, optional(fc.json({ maxDepth: 2 })))
    .map(([each, job, kind, input]) =>
      inputOf(encodeDeadLetter({ ...each, job, kind, input }), `muster.dead.${kind}.${job}`),
    ),
  check(input) {
    const letter = decodeDeadLetter(messageOf(input));
    mustBeSame(
      decodeDeadLetter(delivered(encodeDeadLetter(letter))),
      letter,
      "the letter came back otherwise",
    );
  },
};

const progress: Target = {
  name: "progress",
  corpus: fc
    .array(
      fc.record({
        ...{ job: token, tasks: fc.nat(), items: fc.nat(), handlerMs: ms },
        ...{ bytes: fc.maxSafeNat(), failed: fc.nat(), state: optional(state) },
      }),
      { maxLength: 4 },
    )
    .map((lines) => ({ text: partOf(encodeProgress(lines)) })),
  check({ text }) {
    const lines = decodeProgress(encodeProgress(decodeProgress(textOf(text))));
    mustBeSame(decodeProgress(encodeProgress(lines)), lines, "the progress came back otherwise");
  },
};

export const MESSAGES: readonly Target[] = [
  ...[specTarget, task, resultTarget, pack, outcomeTarget, dead, progress],
];
