/** Valid values of what actors and callers send. */
import fc from "fast-check";
import type { Failure } from "../../src/protocol/failure.ts";
import { PRIORITIES } from "../../src/protocol/names.ts";
import { OUTCOME_STATES } from "../../src/protocol/outcome.ts";
import type { JobSpec } from "../../src/protocol/spec.ts";

export const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,16}$/);
export const time = fc.nat(4e12);
export const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
export const state = fc.constantFrom(...OUTCOME_STATES);

/** Sentences as people, machines and attackers write them. */
export const sentence = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom("no such file", "a\nb", "Nats-X: y\r\n\r\nPUB z 0", "\ud800", "\u001b[2J", "ü"),
);

/** Reducers as callers name them, and outputs that they take. */
export const REDUCTIONS = [
  ["collect", [1, "a", null]],
  ["concat", [[1], [], [2, 3]]],
  ["concat", ["a", "", "ü"]],
  ["sum", [1, -2, 0.5]],
  ["count", [1, "x"]],
  ["min", [3, 1.5]],
  ["max", ["a", "b"]],
  ["mean", [1, 2, 4]],
  ["merge-counts", [{ a: 1 }, { a: 2, b: 1 }]],
  ["top-k:2", [{ a: 1, b: 5 }, { c: 3 }]],
  ["top-k:3", [5, 2, 9, 9]],
  ["histogram:0:10:5", [1, 5, 99, -1]],
] as const satisfies readonly [string, readonly unknown[]][];

export const reduction: fc.Arbitrary<readonly [string, readonly unknown[]]> = fc.constantFrom(...REDUCTIONS);

const reduceSpec = fc.constantFrom(
  { name: "collect", params: {} },
  { name: "sum", params: {} },
  { name: "top-k", params: { k: 3 } },
  { name: "histogram", params: { from: 0, to: 10, bins: 5 } },
);

export const spec: fc.Arbitrary<JobSpec> = fc
  .record({
    job: token,
    kind: token,
    priority: fc.constantFrom(...PRIORITIES),
    reduce: reduceSpec,
    backoffMs: fc.nat(),
    onError: fc.constantFrom("fail" as const, "continue" as const),
    submitted: time,
    maxAttempts: optional(fc.integer({ min: 1, max: 1000 })),
    timeoutMs: optional(fc.nat()),
    deadline: optional(time),
    range: optional(fc.record({ start: fc.integer(), step: fc.integer() })),
    reply: optional(fc.record({ subject: fc.constant("_INBOX.a.b"), mode: fc.constantFrom("run", "watch") })),
  })
  .map((fields) => defined(fields) as JobSpec);

/** Leaves out what is undefined: `{a: undefined}` and `{}` are the same message. */
export function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

export function failure(from: number, count: number): fc.Arbitrary<Failure> {
  return fc.record({
    index: fc.integer({ min: from, max: from + count - 1 }),
    code: fc.constantFrom("handler_failed", "poison_task"),
    message: sentence,
    attempts: fc.integer({ min: 1, max: 9 }),
  });
}

/** A few items of a job, with its spec. */
export const chunk = fc
  .tuple(spec, fc.nat(1e6), fc.array(fc.jsonValue({ maxDepth: 2 }), { minLength: 1, maxLength: 4 }))
  .map(([ofJob, from, items]) => ({ spec: ofJob, from, count: items.length, items: JSON.stringify(items) }));
