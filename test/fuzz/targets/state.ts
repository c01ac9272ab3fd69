/** What actors keep, and say of themselves: checkpoints, cursors, settings, beats, the states of reducers. */
import fc from "fast-check";
import {
  decodeJobCheckpoint,
  decodePosition,
  encodeJobCheckpoint,
} from "../../../src/actors/aggregator/checkpoint.ts";
import { decodeCursor } from "../../../src/actors/dispatcher/cursor.ts";
import { decodeFleetSettings, parseFleetSettings } from "../../../src/bootstrap/settings.ts";
import { infoOf, isOfFleet, kindsOf, statsOf } from "../../../src/cli/client/actors.ts";
import { Fleet, readBeat } from "../../../src/domain/fleet.ts";
import { onResult, startGather } from "../../../src/domain/gather.ts";
import { parseReduce, reducerFor } from "../../../src/domain/reducers/index.ts";
import { parseJson } from "../../../src/protocol/json.ts";
import { Names } from "../../../src/protocol/names.ts";
import type { JobSpec } from "../../../src/protocol/spec.ts";
import { failure, optional, reduction, spec, token } from "../arbitraries.ts";
import { bytesOf, type Input, mustBeSame, mustHold, partOf, type Target, textOf } from "../target.ts";

const reducerOf = ({ reduce }: JobSpec) => reducerFor(reduce);

function stored(text = "") {
  return { subject: "muster.x.job", headers: {}, data: bytesOf(text), seq: 7, time: 0 };
}

const checkpoint: Target = {
  name: "checkpoint",
  corpus: fc
    .tuple(spec, reduction, fc.uniqueArray(fc.nat(40)), failure(0, 40))
    .map(([each, [name, outputs], items, failed]): Input => {
      const ofJob = { ...each, onError: "continue" as const, reduce: parseReduce(name) };
      const reducer = reducerFor(ofJob.reduce);
      const state = startGather(ofJob, reducer);
      state.accumulator = reducer.init();
      const partial = reducer.encode(outputs.reduce<unknown>(reducer.step, reducer.init()));
      for (const from of items) {
        const result = {
          spec: ofJob,
          from,
          count: 1,
          partial,
          failures: [failed],
          handlerMs: 1,
          worker: "w",
        };
        onResult(state, reducer, { result, seq: from + 1, bytes: 10, now: 5 });
      }
      return { text: partOf(encodeJobCheckpoint(state, reducer, 50)) };
    }),
  check({ text }) {
    const { state, upTo } = decodeJobCheckpoint(stored(text), reducerOf);
    const again = encodeJobCheckpoint(state, reducerOf(state.spec), upTo);
    const restored = decodeJobCheckpoint(stored(partOf(again)), reducerOf);
    const after = encodeJobCheckpoint(restored.state, reducerOf(state.spec), restored.upTo);
    mustBeSame(after, again, "the checkpoint came back otherwise");
    mustHold(state.coverage.count >= 0 && Number.isSafeInteger(upTo), "numbers that are none");
  },
};

const cursor: Target = {
  name: "cursor",
  corpus: fc
    .record({
      ...{ next: fc.nat(), tasks: fc.nat(), total: optional(fc.nat()), by: token },
      ...{
        version: optional(token),
        ended: optional(fc.boolean()),
        fromSeq: fc.integer({ min: 1, max: 1e9 }),
      },
    })
    .map((body) => ({ text: JSON.stringify(body) })),
  check({ text }) {
    mustHold(decodePosition(stored(text)).fromSeq >= 1, "a position before the stream");
    const { dispatched, total } = decodeCursor(stored(text));
    for (const number of [dispatched.next, dispatched.tasks, total ?? 0])
      mustHold(Number.isSafeInteger(number) && number >= 0, `${number} items or tasks`);
  },
};

const settings: Target = {
  name: "settings",
  corpus: fc.constant({ text: JSON.stringify(parseFleetSettings({})) }),
  check({ text }) {
    const decoded = decodeFleetSettings(textOf(text));
    mustBeSame(decodeFleetSettings(JSON.stringify(decoded)), decoded, "the settings came back otherwise");
  },
};

const beat: Target = {
  name: "beat",
  corpus: fc
    .record({
      ...{
        id: token,
        role: fc.constantFrom("dispatcher", "worker", "aggregator"),
        host: token,
        pid: fc.nat(),
      },
      ...{ since: fc.nat(), kinds: fc.array(token, { maxLength: 3 }), slots: fc.nat(64), busy: fc.nat(64) },
      ...{ items: fc.nat(), leaving: optional(fc.boolean()) },
    })
    .map((said) => ({ first: JSON.stringify(said), second: JSON.stringify({ ...said, slots: 3 }) })),
  check({ first, second }) {
    const fleet = new Fleet();
    for (const text of [first, second, first]) {
      const said = readBeat(parseJson(textOf(text)));
      if (said !== undefined) fleet.onBeat(said, 0);
    }
    for (const kind of fleet.kinds)
      mustHold(Number.isSafeInteger(fleet.slotsFor(kind)), `slots of ${kind} that are no number`);
    for (const { id, kinds = [] } of [...fleet.members(), ...fleet.expire(10_000)])
      mustHold(typeof id === "string" && kinds.every((kind) => typeof kind === "string"), "an odd beat");
  },
};

const service: Target = {
  name: "service",
  corpus: fc
    .record({ id: token, host: token, kinds: fc.array(token, { maxLength: 3 }), slots: fc.nat(64) })
    .map(({ id, host, kinds, slots }) => ({
      info: JSON.stringify({
        ...{
          name: "muster-worker",
          id,
          version: "1.0.0",
          metadata: { host, kinds: kinds.join(","), slots: `${slots}` },
        },
        endpoints: [{ name: "tasks", subject: "muster.tasks.x" }],
      }),
      stats: JSON.stringify({
        ...{ name: "muster-worker", id, started: "2026-11-24T08:00:00Z" },
        endpoints: [{ num_requests: 4, num_errors: 1, processing_time: 123456 }],
      }),
    })),
  check({ info, stats }) {
    const said = infoOf(parseJson(textOf(info)));
    if (said === undefined || !isOfFleet(said, new Names())) return;
    mustHold(
      kindsOf(said).every((kind) => typeof kind === "string"),
      "a kind that is no text",
    );
    const { items, failed, handlerMs } = statsOf(parseJson(textOf(stats)));
    for (const number of [items, failed, handlerMs])
      mustHold(Number.isFinite(number), `${number} is no number to show`);
  },
};

const reducerState: Target = {
  name: "reducer-state",
  corpus: fc.tuple(reduction, fc.nat(3)).map(([[name, outputs], skipped]) => {
    const reducer = reducerFor(parseReduce(name));
    const fold = (all: readonly unknown[]) =>
      reducer.encode(all.reduce<unknown>(reducer.step, reducer.init()));
    return {
      reduce: name,
      left: partOf(fold(outputs)),
      right: partOf(fold(outputs.slice(skipped))),
      output: partOf(JSON.stringify(outputs[0])),
    };
  }),
  check({ reduce, left, right, output }) {
    const reducer = reducerFor(parseReduce(textOf(reduce)));
    const decoded = reducer.decode(textOf(left));
    const text = reducer.encode(decoded);
    mustHold(reducer.encode(reducer.decode(text)) === text, "the state came back otherwise");
    const joined = reducer.combine(decoded, reducer.decode(textOf(right)));
    const stepped = reducer.step(joined, parseJson(bytesOf(output)));
    reducer.finish(reducer.decode(reducer.encode(stepped)));
  },
};

export const STATE: readonly Target[] = [checkpoint, cursor, settings, beat, service, reducerState];
