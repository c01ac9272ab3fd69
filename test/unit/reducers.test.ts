import { describe, expect, it } from "vitest";
import {
  type CustomReducer,
  joinPartials,
  OrderedJoin,
  parseReduce,
  partialOf,
  REDUCERS,
  type Reducer,
  reducerFor,
} from "../../src/domain/reducers/index.ts";
import {
  HandlerFailed,
  InvalidBody,
  InvalidOption,
  InvalidOutput,
  ReducerMismatch,
  UnknownReducer,
} from "../../src/errors.ts";
import { encodeJson } from "../../src/protocol/json.ts";

function reduce(spec: unknown, outputs: readonly unknown[], custom?: CustomReducer): unknown {
  const reducer = reducerFor(parseReduce(spec), custom);
  return reducer.finish(outputs.reduce((state, output) => reducer.step(state, output), reducer.init()));
}

function reducer(spec: unknown, custom?: CustomReducer): Reducer {
  return reducerFor(parseReduce(spec), custom);
}

describe("the documentation's table", () => {
  it.each(REDUCERS.flatMap(({ name, example }) => (example === undefined ? [] : [{ name, ...example }])))(
    "$name gives what its example says",
    (example) => expect(encodeJson(reduce(example.reduce, example.outputs))).toBe(encodeJson(example.result)),
  );

  it("tells rightly which reducers are ordered", () => {
    for (const { name, ordered, params } of REDUCERS) {
      const given = Object.fromEntries(
        params.map(({ name: param, type }, at) => [param, type === "text" ? "count" : at + 1]),
      );
      expect(reducer({ [name]: given }, (a) => a)).toMatchObject({ name, ordered });
    }
  });
});

describe("parseReduce", () => {
  const topTen = { name: "top-k", params: { k: 10 } };
  const bins = { name: "histogram", params: { from: -1.5, to: 100, bins: 20 } };

  const grouped = { name: "group-by", params: { by: "c", with: "top-k:3", of: "n", keys: 5 } };

  it.each([
    [{ "group-by": "c", with: "top-k:3", of: "n", keys: 5 }, grouped],
    ['{"group-by":"c","with":"top-k:3","of":"n","keys":5}', grouped],
    [grouped, grouped],
    ["group-by:c", { name: "group-by", params: { by: "c", with: "count", of: "", keys: 100_000 } }],
    ["group-by:1:sum:2", { name: "group-by", params: { by: "1", with: "sum", of: "2", keys: 100_000 } }],
    [undefined, { name: "collect", params: {} }],
    ["sum", { name: "sum", params: {} }],
    [" sum ", { name: "sum", params: {} }],
    [{ sum: {} }, { name: "sum", params: {} }],
    ["top-k", topTen],
    ["top-k:", topTen],
    ["top-k:10", topTen],
    [{ name: "top-k" }, topTen],
    [{ name: "top-k", k: 10 }, topTen],
    [{ "top-k": { k: 10 } }, topTen],
    ['{"top-k":{"k":10}}', topTen],
    [topTen, topTen],
    ["histogram:-1.5:1e2:20", bins],
    ["histogram : -1.5 : 100 : 20", bins],
    [bins, bins],
    ["reduce", { name: "reduce", params: {} }],
  ])("reads %j", (value, spec) => expect(parseReduce(value)).toEqual(spec));

  it("asks whether another name was meant", () => {
    expect(() => parseReduce("topk:3")).toThrow(new UnknownReducer("topk", "top-k"));
    expect(() => parseReduce({ histgram: {} })).toThrow(new UnknownReducer("histgram", "histogram"));
    expect(() => parseReduce("")).toThrow(UnknownReducer);
    expect(() => parseReduce("constructor")).toThrow(UnknownReducer);
  });

  it.each([
    ["sum:1", "takes 0 values"],
    ["top-k:1:2", "takes 1 values"],
    ["top-k:0", "a whole number from 1 to 100000 was expected, but it is 0"],
    ["top-k:1.5", "but it is 1.5"],
    ["top-k:many", 'but it is the string "many"'],
    ["top-k:0x10", "0x10"],
    ["top-k:1e9", "but it is 1000000000"],
    [{ name: "top-k", n: 3 }, 'reducer "top-k" takes k'],
    [{ name: "histogram", form: 0, to: 1, bins: 2 }, 'Did you mean "from"?'],
    [{ name: "sum", k: 3 }, "takes no parameters"],
    [{ "top-k": { k: "3" } }, 'the string "3"'],
    [{ "top-k": 3 }, "was expected"],
    [{ sum: {}, min: {} }, "was expected"],
    [{}, "was expected"],
    [null, "but it is null"],
    [7, "but it is 7"],
    [["sum"], "but it is an array"],
    ["histogram:0:10", "needs it: number of equal bins"],
    ["histogram:10:0:5", 'must be below "to"'],
    ["histogram:0:0:5", 'must be below "to"'],
    ["histogram:-1e308:1e308:5", "too wide"],
    ["histogram:1:1.0000000000000002:5", "narrower than doubles"],
    ["histogram:0:10:1000000", "from 1 to 10000"],
    ["group-by", "needs it: the member of an output"],
    ["group-by:c:collect", '"collect" cannot reduce a group'],
    ["group-by:c:reduce", '"reduce" cannot reduce a group'],
    [{ "group-by": "c", with: "top-k:0" }, "from 1 to 100000"],
    [{ "group-by": "c", by: 3 }, "was expected"],
    [{ "group-by": "c", wiht: "sum" }, 'Did you mean "with"?'],
    [{ "top-k": "3" }, "was expected"],
  ])("refuses %j", (value, reason) => {
    expect(() => parseReduce(value)).toThrow(InvalidOption);
    expect(() => parseReduce(value)).toThrow(reason);
  });

  it("names the parameter in the error's path", () => {
    expect(() => parseReduce("top-k:0")).toThrow(expect.objectContaining({ path: "reduce.k" }));
  });
});

describe("reducerFor", () => {
  it("checks a spec again, which may come over the wire", () => {
    expect(() => reducerFor({ name: "nope", params: {} })).toThrow(UnknownReducer);
    expect(() => reducerFor({ name: "top-k", params: { k: -1 } })).toThrow(InvalidOption);
    expect(() => reducerFor({ name: "reduce", params: {} })).toThrow(/no "reduce"/);
  });
});

describe("without outputs", () => {
  it.each([
    ["collect", []],
    ["concat", []],
    ["sum", 0],
    ["count", 0],
    ["min", null],
    ["max", null],
    ["mean", null],
    ["merge-counts", {}],
    ["top-k", []],
    ["histogram:0:2:2", { edges: [0, 1, 2], counts: [0, 0], below: 0, above: 0 }],
  ])("%s gives %j, also after a detour through text", (spec, result) => {
    const each = reducer(spec);
    const state = each.decode(each.encode(each.combine(each.init(), each.init())));
    expect(encodeJson(each.finish(state))).toBe(encodeJson(result));
  });
});

describe("a mismatch", () => {
  it.each([
    ["sum", [1, "2"], 'takes finite numbers, but an output was the string "2"'],
    ["sum", [Number.NaN], "NaN"],
    ["mean", [Infinity], "Infinity"],
    ["mean", [null], "null"],
    ["min", [1, "a"], 'takes numbers or strings, not both, but an output was the string "a" beside 1'],
    ["max", [[1]], "an array"],
    ["max", [Number.NaN], "NaN"],
    ["merge-counts", [{ a: "x" }], 'an object whose "a" is the string "x"'],
    ["merge-counts", [["a", 1]], "an array"],
    ["merge-counts", [null], "null"],
    ["top-k", [1, { a: 1 }], "beside numbers"],
    ["top-k", [{ a: 1 }, 1], "beside counts"],
    ["top-k", [[1, 2]], "an array"],
    ["top-k", ["a"], 'the string "a"'],
    ["histogram:0:1:2", [-Infinity], "-Infinity"],
    ["histogram:0:1:2", [true], "true"],
    ["concat", [1], "1"],
    ["concat", [["a"], "a"], "a string beside an array"],
  ])("of %s with %j is said in words", (spec, outputs, words) => {
    expect(() => reduce(spec, outputs)).toThrow(ReducerMismatch);
    expect(() => reduce(spec, outputs)).toThrow(words);
  });

  it.each([
    ["sum", 1, "x"],
    ["min", 1, "x"],
    ["merge-counts", { a: 1 }, { a: 5, b: null }],
    ["top-k", { a: 1 }, { a: 5, b: null }],
    ["top-k", 1, { a: 5 }],
    ["concat", "x", [1]],
    ["collect", 1, 1 / 0],
  ])("leaves the state of %s as it was", (spec, good, bad) => {
    const each = reducer(spec);
    const state = each.step(each.init(), good);
    const before = each.encode(state);
    expect(() => each.step(state, bad)).toThrow();
    expect(each.encode(state)).toBe(before);
  });

  it("between chunks is found, too", () => {
    for (const spec of ["min", "top-k", "concat"]) {
      const each = reducer(spec);
      const one = each.step(each.init(), spec === "concat" ? "a" : 1);
      const other = each.step(each.init(), spec === "min" ? "a" : spec === "concat" ? ["a"] : { a: 1 });
      expect(() => each.combine(one, other)).toThrow(ReducerMismatch);
    }
  });
});

describe("sum", () => {
  it("does not care for the order of what cancels out", () => {
    expect(reduce("sum", [1e16, 1, -1e16, 0.5])).toBe(1.5);
    expect(reduce("sum", Array(10).fill(0.1))).toBe(1);
    expect(reduce("sum", [1e308, 1e308, 0.5, -1e308, -1e308])).toBe(0.5);
  });

  it("goes on as an integer beyond 2^53, and comes back below", () => {
    const large = Number.MAX_SAFE_INTEGER;
    expect(encodeJson(reduce("sum", [large, large, 1]))).toBe("18014398509481983");
    expect(reduce("sum", [large, large, -large])).toBe(large);
  });

  it("writes large doubles as doubles, and where no double reaches the whole number", () => {
    expect(reduce("sum", [6e23, 6e23])).toBe(1.2e24);
    expect(reduce("sum", [1e308, 1e308])).toBe(2n * BigInt(1e308));
  });

  it("has a short state", () => {
    const sum = reducer("sum");
    const state = (outputs: number[]) =>
      sum.encode(outputs.reduce((all, output) => sum.step(all, output), sum.init()));
    expect(state([1, 2])).toBe("3");
    expect(state([2 ** 53 - 1, 1])).toBe('"9007199254740992"');
    expect(state([1, 0.5])).toBe("[1,[0.5]]");
  });
});

describe("merge-counts", () => {
  it("holds __proto__ as a key like others, and pollutes nothing", () => {
    const output = JSON.parse('{"__proto__":2,"constructor":3}');
    expect(encodeJson(reduce("merge-counts", [output, output]))).toBe('{"__proto__":4,"constructor":6}');
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it("leaves out members that JSON leaves out", () => {
    expect(encodeJson(reduce("merge-counts", [{ a: undefined, b: 1 }]))).toBe('{"b":1}');
  });

  it("writes the same text in whatever order the keys came", () => {
    expect(encodeJson(reduce("merge-counts", [{ b: 1 }, { a: 1 }]))).toBe(
      encodeJson(reduce("merge-counts", [{ a: 1 }, { b: 1 }])),
    );
  });
});

describe("top-k", () => {
  it("orders equal counts by key, and compares totals of any size", () => {
    const large = Number.MAX_SAFE_INTEGER;
    const outputs = [{ b: 1, a: 1 }, ["c", 2], { big: large }, { big: large, real: 1.8e16 }];
    expect(encodeJson(reduce("top-k:4", outputs))).toBe(
      '[["big",18014398509481982],["real",18000000000000000],["c",2],["a",1]]',
    );
  });

  it("keeps ten when not told otherwise", () => {
    expect(reduce("top-k", [...Array(1000).keys()])).toEqual([
      999, 998, 997, 996, 995, 994, 993, 992, 991, 990,
    ]);
  });

  it("sends no more numbers than it keeps", () => {
    const top = reducer("top-k:2");
    const state = [5, 1, 4, 2].reduce((all, output) => top.step(all, output), top.init());
    expect(top.encode(state)).toBe('{"numbers":[5,4]}');
    expect(() => top.decode('{"numbers":[3,2,1]}')).toThrow(InvalidBody);
  });
});

describe("collect", () => {
  it("keeps large integers in the text of its partial", () => {
    const collect = reducer("collect");
    const state = collect.step(collect.step(collect.init(), 2n ** 64n), undefined);
    expect(collect.encode(state)).toBe("[18446744073709551616,null]");
  });

  it("refuses outputs that JSON cannot hold", () => {
    expect(() => reduce("collect", [Number.NaN])).toThrow(InvalidOutput);
  });
});

describe("joinPartials", () => {
  it("puts commas between what is not empty", () => {
    expect(joinPartials("collect", ["[]", "[1]", " [ ] ", "[2,3]", "[]"])).toBe("[1,2,3]");
    expect(joinPartials("concat", ["null", '""', '"a\\""', '"b"'])).toBe('"a\\"b"');
    expect(joinPartials("concat", ["[]", "null", "[[1]]"])).toBe("[[1]]");
  });

  it("makes an empty array of nothing", () => {
    expect(joinPartials("collect", [])).toBe("[]");
    expect(joinPartials("concat", ["null"])).toBe("[]");
    expect(joinPartials("concat", ['""'])).toBe('""');
  });

  it("refuses to mix arrays and strings", () => {
    expect(() => joinPartials("concat", ["[]", '"a"'])).toThrow(ReducerMismatch);
    expect(() => joinPartials("concat", ['""', "[1]"])).toThrow(ReducerMismatch);
  });

  it.each(["", "[", '"', "1", "{}", '["', "null"])("refuses %j as a partial of collect", (partial) => {
    expect(() => joinPartials("collect", [partial])).toThrow(InvalidBody);
  });

  it("writes piece by piece", () => {
    const join = new OrderedJoin("collect");
    expect([join.push("[1]"), join.push("[]"), join.push("[2]"), join.end()]).toEqual(["[1", "", ",2", "]"]);
  });

  it("makes partials of outputs' texts", () => {
    expect(partialOf("collect", ["1", "[2]"])).toBe("[1,[2]]");
    expect(partialOf("concat", ["[1]", "[]", "[2]"])).toBe("[1,2]");
    expect(partialOf("concat", [])).toBe("null");
  });
});

describe("the handler module's own reduce", () => {
  it("takes zero and null as values", () => {
    const last = (_: unknown, b: unknown): unknown => b;
    expect(reduce("reduce", [1, 0], last)).toBe(0);
    expect(reduce("reduce", [1, null], last)).toBe(null);
    expect(reduce("reduce", [], last)).toBe(null);
  });

  it("may leave out finish", () => {
    const steps: CustomReducer = {
      init: () => 0,
      step: (acc) => Number(acc) + 1,
      combine: (a, b) => Number(a) + Number(b),
    };
    expect(reduce("reduce", ["a", "b"], steps)).toBe(2);
  });

  it.each<[string, CustomReducer]>([
    [
      "threw: oh no",
      () => {
        throw new Error("oh no");
      },
    ],
    ["returned nothing", () => undefined],
    ["returned a promise", async () => 1],
  ])("that %s becomes a HandlerFailed", (words, custom) => {
    expect(() => reduce("reduce", [1, 2], custom)).toThrow(HandlerFailed);
    expect(() => reduce("reduce", [1, 2], custom)).toThrow(words);
  });

  it("may hold doubles of any size in its state, but no bigint", () => {
    const pass = reducer("reduce", (a) => a);
    const state = pass.step(pass.init(), { squares: 1.2e20 });
    expect(pass.finish(pass.decode(pass.encode(state)))).toEqual({ squares: 1.2e20 });
    expect(() => pass.encode(pass.step(pass.init(), 1n))).toThrow(InvalidOutput);
  });
});
