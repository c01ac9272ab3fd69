/** The reducers as types, tied to those that there are: what is named by the one is made by the other, with such a result. */
import { describe, expect, it } from "vitest";
import type { BuiltInReducer, ResultOf } from "../../src/actors/handlers/reduce-types.ts";
import { parseReduce, REDUCERS, reducerFor } from "../../src/domain/reducers/index.ts";

/** `top-k` of `top-k:10`. */
type NameOf<Reduce> = Reduce extends `${infer Name}:${string}` ? Name : Reduce;
/** Those that need no parameter. */
type Bare = Extract<BuiltInReducer, NameOf<BuiltInReducer>>;

/** A handler module's own, which a task brings as a value instead. */
const OWN = "reduce";

/** A row a name: one that the type has and this table has not does not compile, and the other way round. */
const NAMES: Record<NameOf<BuiltInReducer>, true> = {
  collect: true,
  concat: true,
  sum: true,
  count: true,
  min: true,
  max: true,
  mean: true,
  "merge-counts": true,
  "top-k": true,
  histogram: true,
  "group-by": true,
};
const BARE: Record<Bare, true> = {
  collect: true,
  concat: true,
  sum: true,
  count: true,
  min: true,
  max: true,
  mean: true,
  "merge-counts": true,
  "top-k": true,
};

const builtIn = REDUCERS.filter(({ name }) => name !== OWN);

describe("the names of reducers", () => {
  it("are in the types all those that there are, and no other", () => {
    expect(Object.keys(NAMES).sort()).toEqual(builtIn.map(({ name }) => name).sort());
  });

  it("stand alone in the types where no parameter must be given", () => {
    const needNone = builtIn.filter(({ params }) => params.every((param) => param.default !== undefined));
    expect(Object.keys(BARE).sort()).toEqual(needNone.map(({ name }) => name).sort());
  });
});

/** A reducer, outputs of a handler, and what comes of them, all of the types that the client says. */
function tie<const Reduce extends BuiltInReducer, Output>(
  reduce: Reduce,
  outputs: Output[],
  result: ResultOf<NoInfer<Reduce>, NoInfer<Output>>,
) {
  return { reduce, outputs, result };
}

const TIES = [
  tie("collect", ["a", "b"], ["a", "b"]),
  tie("concat", [[1], [2, 3]], [1, 2, 3]),
  tie("concat", ["a", "b"], "ab"),
  tie("sum", [0.1, 0.2], 0.1 + 0.2),
  tie("count", ["a", "b"], 2),
  tie("min", [3, 1, 2], 1),
  tie("min", ["b", "a"], "a"),
  tie("max", [3, 1], 3),
  tie("mean", [1, 2, 4, 5], 3),
  tie("merge-counts", [{ a: 1 }, { a: 2, b: 1 }] as Record<string, number>[], { a: 3, b: 1 }),
  tie("top-k", [1, 3, 2], [3, 2, 1]),
  tie("top-k:1", [{ a: 1 }, { b: 2 }] as Record<string, number>[], [["b", 2]]),
  tie("histogram:0:4:2", [-1, 1, 3, 9], { edges: [0, 2, 4], counts: [1, 1], below: 1, above: 1 }),
  tie("group-by:c", [{ c: "x" }, { c: "y" }, { c: "x" }], { x: 2, y: 1 }),
  tie("group-by:c:sum:n", [{ c: "x", n: 1 }, { c: "x", n: 2 }], { x: 3 }), // biome-ignore format: one line
  tie("group-by:c:max:n", [{ c: "x", n: 1 }, { c: "x", n: 2 }], { x: 2 }), // biome-ignore format: one line
];

describe("the results of reducers", () => {
  it.each(TIES)("are what the types say: $reduce over $outputs", ({ reduce, outputs, result }) => {
    const { init, step, finish } = reducerFor(parseReduce(reduce));
    const state = (outputs as unknown[]).reduce(step, init());
    expect(finish(state)).toEqual(result);
  });

  it("are tried of every name", () => {
    const tried = new Set<string | undefined>(TIES.map(({ reduce }) => reduce.split(":")[0]));
    expect([...tried].sort()).toEqual(Object.keys(NAMES).sort());
  });
});
