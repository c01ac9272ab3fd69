import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CustomReducer,
  joinPartials,
  OrderedJoin,
  parseReduce,
  partialOf,
  type Reducer,
  reducerFor,
} from "../../src/domain/reducers/index.ts";
import { InvalidBody, MusterError } from "../../src/errors.ts";
import { encodeJson } from "../../src/protocol/json.ts";

/** Decides, without end, how outputs are cut, which states are joined next, and which go through text on the way. */
const plan = fc.infiniteStream(fc.nat());
type Plan = { next(): { value: number } };

function choose(plan: Plan, below: number): number {
  return plan.next().value % below;
}

function cut<T>(outputs: readonly T[], plan: Plan): T[][] {
  const chunks: T[][] = [];
  for (let from = 0; from < outputs.length; ) {
    const size = 1 + choose(plan, 7);
    chunks.push(outputs.slice(from, from + size));
    from += size;
  }
  // Chunks all of whose items failed for good have no outputs.
  while (choose(plan, 3) === 0) chunks.splice(choose(plan, chunks.length + 1), 0, []);
  return chunks;
}

/** Reduces as a fleet would: chunk by chunk, joining any two (or neighbours), with detours through text. */
function reduceSomehow(reducer: Reducer, outputs: readonly unknown[], plan: Plan): unknown {
  const detour = (state: unknown): unknown =>
    choose(plan, 2) === 0 ? state : reducer.decode(reducer.encode(state));
  const states = cut(outputs, plan).map((chunk) =>
    detour(chunk.reduce((state, output) => detour(reducer.step(state, output)), reducer.init())),
  );
  while (states.length > 1) joinTwo(reducer, states, plan);
  return reducer.finish(detour(states[0] ?? reducer.init()));
}

function joinTwo(reducer: Reducer, states: unknown[], plan: Plan): void {
  const at = choose(plan, states.length - 1);
  const other = reducer.ordered ? at + 1 : at + 1 + choose(plan, states.length - at - 1);
  const [right] = states.splice(other, 1);
  const [left] = states.splice(at, 1);
  const swap = !reducer.ordered && choose(plan, 2) === 0;
  states.splice(at, 0, swap ? reducer.combine(right, left) : reducer.combine(left, right));
}

function agrees<T>(
  spec: unknown,
  outputs: fc.Arbitrary<T[]>,
  reference: (outputs: T[]) => unknown,
  custom?: CustomReducer,
) {
  const reducer = reducerFor(parseReduce(spec), custom);
  fc.assert(
    fc.property(outputs, plan, (list, decisions) => {
      expect(encodeJson(reduceSomehow(reducer, list, decisions))).toBe(encodeJson(reference(list)));
    }),
    { numRuns: 300 },
  );
}

// ── exact references ───────────────────────────────────────────────────────────────────────────────────────────

/** Every double is a whole multiple of 2^-1074, read off its bits. */
const SCALE = 1074n;
const BITS = new DataView(new ArrayBuffer(8));

function scaled(value: number): bigint {
  BITS.setFloat64(0, value);
  const bits = BITS.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & ((1n << 52n) - 1n);
  const size = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return bits >> 63n === 0n ? size : -size;
}

function neighbour(value: number, step: bigint): number {
  BITS.setFloat64(0, value === 0 ? (step > 0n ? 0 : -0) : value);
  const up = value === 0 || value > 0 === step > 0n;
  BITS.setBigUint64(0, BITS.getBigUint64(0) + (up ? 1n : -1n));
  return BITS.getFloat64(0);
}

function isEven(value: number): boolean {
  BITS.setFloat64(0, value);
  return BITS.getBigUint64(0) % 2n === 0n;
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** Whether no double is nearer to over / under (in units of 2^-1074) than `value`, and of two as near it is the even one. */
function isNearest(value: number, over: bigint, under: bigint): boolean {
  const own = abs(scaled(value) * under - over);
  return [1n, -1n].every((step) => {
    const other = neighbour(value, step);
    if (!Number.isFinite(other)) return true;
    const distance = abs(scaled(other) * under - over);
    return own < distance || (own === distance && isEven(value));
  });
}

const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const awkward = fc.constantFrom(
  1e16,
  -1e16,
  1,
  0.1,
  2 ** -53,
  2 ** -54,
  2 ** -1074,
  -(2 ** -1074),
  2 ** 53,
  1 - 2 ** -53,
  1e300,
  -1e300,
  0.5,
  -0,
  3 * 2 ** -1074,
);
const real = fc.oneof(double, awkward, fc.integer(), fc.double({ noNaN: true, min: -1, max: 1 }));
const safeInteger = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
);

function exactTotal(outputs: readonly number[]): bigint {
  return outputs.reduce((total, output) => total + scaled(output), 0n);
}

describe("sum", () => {
  it("is exact for integers of any total", () => {
    agrees("sum", fc.array(safeInteger), (outputs) =>
      outputs.reduce((total, output) => total + BigInt(output), 0n),
    );
  });

  it("is exact for bigints too", () => {
    agrees("sum", fc.array(fc.bigInt()), (outputs) => outputs.reduce((total, output) => total + output, 0n));
  });

  it("is the double nearest to the exact total, in every order and cut", () => {
    const reducer = reducerFor(parseReduce("sum"));
    fc.assert(
      fc.property(fc.array(real), plan, (outputs, decisions) => {
        const result = reduceSomehow(reducer, outputs, decisions);
        const exact = exactTotal(outputs);
        if (typeof result === "number") expect(isNearest(result, exact, 1n)).toBe(true);
        else expect(abs(exact)).toBeGreaterThan((2n ** 53n) << SCALE);
      }),
      { numRuns: 2000 },
    );
  });

  it("is the same for the same outputs in another order and cut", () => {
    const reducer = reducerFor(parseReduce("sum"));
    const shuffled = fc
      .array(real)
      .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
    fc.assert(
      fc.property(shuffled, plan, ([list, other], decisions) => {
        expect(reduceSomehow(reducer, other, decisions)).toBe(reduceSomehow(reducer, list, decisions));
      }),
    );
  });
});

describe("mean", () => {
  it("is the double nearest to the exact mean", () => {
    const reducer = reducerFor(parseReduce("mean"));
    fc.assert(
      fc.property(fc.array(fc.oneof(real, safeInteger), { minLength: 1 }), plan, (outputs, decisions) => {
        const result = Number(reduceSomehow(reducer, outputs, decisions));
        expect(isNearest(result, exactTotal(outputs), BigInt(outputs.length))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("count, min and max", () => {
  it("count the outputs", () => agrees("count", fc.array(fc.jsonValue()), (outputs) => outputs.length));

  it("find the extremes of numbers", () => {
    agrees("min", fc.array(real), (outputs) => (outputs.length === 0 ? null : Math.min(...outputs)));
    agrees("max", fc.array(real), (outputs) => (outputs.length === 0 ? null : Math.max(...outputs)));
  });

  it("find the extremes of strings", () => {
    const strings = fc.array(fc.string({ unit: "binary" }));
    agrees("min", strings, (outputs) => [...outputs].sort()[0] ?? null);
    agrees("max", strings, (outputs) => [...outputs].sort().at(-1) ?? null);
  });
});

// ── counts ─────────────────────────────────────────────────────────────────────────────────────────────────────

const key = fc.constantFrom("a", "b", "é", "10", "9", "__proto__", "constructor", "");

function recordOf<T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> {
  return fc.array(fc.tuple(key, value), { maxLength: 5 }).map((pairs) => {
    const record: Record<string, T> = Object.create(null);
    for (const [name, each] of pairs) record[name] = each;
    return record;
  });
}

function totals(outputs: readonly Record<string, number>[]): [string, bigint][] {
  const found = new Map<string, bigint>();
  for (const [name, value] of outputs.flatMap((each) => Object.entries(each))) {
    found.set(name, (found.get(name) ?? 0n) + BigInt(value));
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("merge-counts", () => {
  it("adds integers exactly, under any key", () => {
    agrees("merge-counts", fc.array(recordOf(safeInteger)), (outputs) => {
      const result: Record<string, bigint> = Object.create(null);
      for (const [name, total] of totals(outputs)) result[name] = total;
      return result;
    });
  });

  it("adds reals exactly, too", () => {
    const reducer = reducerFor(parseReduce("merge-counts"));
    fc.assert(
      fc.property(
        fc.array(
          fc.dictionary(
            fc.constantFrom("a", "b"),
            fc.oneof(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), safeInteger),
          ),
        ),
        plan,
        (outputs, decisions) => {
          for (const [name, total] of Object.entries(Object(reduceSomehow(reducer, outputs, decisions)))) {
            const exact = exactTotal(outputs.map((each) => each[name] ?? 0));
            if (typeof total === "bigint") expect(total << SCALE).toBe(exact);
            else expect(isNearest(Number(total), exact, 1n)).toBe(true);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("top-k", () => {
  const k = fc.constantFrom(1, 2, 3, 10);

  it("keeps the greatest numbers, equal ones as often as they came", () => {
    fc.assert(
      fc.property(
        k,
        fc.array(fc.oneof(real, fc.integer({ min: 0, max: 5 }))),
        plan,
        (most, outputs, decisions) => {
          const reducer = reducerFor(parseReduce({ name: "top-k", k: most }));
          const expected = outputs
            .map((each) => each + 0)
            .sort((a, b) => b - a)
            .slice(0, most);
          expect(reduceSomehow(reducer, outputs, decisions)).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("adds counts before it ranks them", () => {
    const output = fc.oneof(
      recordOf(fc.oneof(safeInteger, fc.integer({ min: 0, max: 3 }))),
      fc.tuple(key, fc.integer({ min: 0, max: 3 })),
    );
    fc.assert(
      fc.property(k, fc.array(output, { minLength: 1 }), plan, (most, outputs, decisions) => {
        const reducer = reducerFor(parseReduce({ name: "top-k", k: most }));
        const records = outputs.map((each) => (Array.isArray(each) ? asRecord(each) : each));
        const ranked = totals(records).sort(([, a], [, b]) => (a === b ? 0 : a > b ? -1 : 1));
        expect(encodeJson(reduceSomehow(reducer, outputs, decisions))).toBe(
          encodeJson(ranked.slice(0, most)),
        );
      }),
      { numRuns: 500 },
    );
  });
});

function asRecord([name, value]: readonly [string, number]): Record<string, number> {
  const record: Record<string, number> = Object.create(null);
  record[name] = value;
  return record;
}

describe("group-by", () => {
  const group = fc.oneof(key, fc.integer({ min: 0, max: 3 }), fc.boolean());
  const outputs = fc.array(fc.record({ g: group, v: fc.oneof(real, safeInteger) }));

  it.each([
    ["count", "group-by:g"],
    ["sum", "group-by:g:sum:v"],
    ["mean", "group-by:g:mean:v"],
    ["max", "group-by:g:max:v"],
    ["top-k:2", { "group-by": "g", with: "top-k:2", of: "v" }],
    ["histogram:0:10:3", { "group-by": "g", with: "histogram:0:10:3", of: "v" }],
  ])("with %s gives what that gives for the outputs of each group", (inner, spec) => {
    agrees(spec, outputs, (list) => {
      const naive: Record<string, unknown> = Object.create(null);
      for (const name of [...new Set(list.map(({ g }) => String(g)))].sort()) {
        const members = list.filter(({ g }) => String(g) === name).map(({ v }) => v);
        const reducer = reducerFor(parseReduce(inner));
        naive[name] = reducer.finish(members.reduce((state, v) => reducer.step(state, v), reducer.init()));
      }
      return naive;
    });
  });

  it("reduces whole outputs where it names no member", () => {
    const counts = fc.array(fc.record({ g: fc.constant(7), a: fc.nat(9), b: fc.nat(9) }));
    agrees({ "group-by": "g", with: "merge-counts" }, counts, (list) => {
      if (list.length === 0) return {};
      const total = (member: "a" | "b" | "g") => list.reduce((sum, each) => sum + each[member], 0);
      return { 7: { a: total("a"), b: total("b"), g: total("g") } };
    });
  });

  it("is past its bound for the same outputs, however they were cut", () => {
    const reducer = reducerFor(parseReduce({ "group-by": "g", keys: 3 }));
    fc.assert(
      fc.property(outputs, plan, (list, decisions) => {
        const states = cut(list, decisions).map((chunk) =>
          chunk.reduce<unknown>((state, output) => reducer.step(state, output), reducer.init()),
        );
        const state = states.reduce((a, b) => reducer.combine(a, b), reducer.init());
        const isPast = new Set(list.map(({ g }) => String(g))).size > 3;
        if (isPast) expect(() => reducer.check?.(state)).toThrow(/more than 3 different "g"/);
        else reducer.check?.(state);
      }),
    );
  });

  it.each([
    [{}, 'one whose "g" is undefined'],
    [{ g: null }, "is null"],
    [{ g: [1] }, "is an array"],
    [[], "an array"],
    ["g", 'the string "g"'],
    [{ g: 1, v: "1" }, "takes finite numbers"],
  ])("refuses %j, and its state is as before", (output, said) => {
    const reducer = reducerFor(parseReduce("group-by:g:sum:v"));
    const state = reducer.step(reducer.init(), { g: "a", v: 1 });
    expect(() => reducer.step(state, output)).toThrow(said);
    expect(encodeJson(reducer.finish(state))).toBe('{"a":1}');
  });
});

describe("histogram", () => {
  it("puts every number between the edges that it prints", () => {
    const range = fc.tuple(
      fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
      fc.double({ noNaN: true, min: 1e-3, max: 1e6 }),
      fc.integer({ min: 1, max: 30 }),
    );
    fc.assert(
      fc.property(
        range,
        fc.array(
          fc.oneof(
            fc.double({ noNaN: true, min: -0.1, max: 1.1 }),
            fc.nat(30).map((bin) => bin / 30),
          ),
        ),
        plan,
        ([from, width, bins], places, decisions) => {
          const to = from + width;
          const outputs = [...places.map((place) => from + width * place), from, to];
          const reducer = reducerFor(parseReduce({ name: "histogram", from, to, bins }));
          const result = reduceSomehow(reducer, outputs, decisions) as { edges: number[]; counts: number[] };
          const last = bins - 1;
          const counts = Array.from({ length: bins }, (_, bin) => {
            const [low = 0, high = 0] = result.edges.slice(bin, bin + 2);
            return outputs.filter((each) => each >= low && (bin === last ? each <= to : each < high)).length;
          });
          expect(result).toEqual({
            edges: result.edges,
            counts,
            below: outputs.filter((each) => each < from).length,
            above: outputs.filter((each) => each > to).length,
          });
          expect(result.edges[0]).toBe(from + 0);
          expect(result.edges.at(-1)).toBe(to);
        },
      ),
      { numRuns: 500 },
    );
  });
});

// ── ordered ────────────────────────────────────────────────────────────────────────────────────────────────────

const text = fc.string({ unit: "binary" });
const json = fc.jsonValue({ stringUnit: "binary" });

describe("collect and concat", () => {
  it("collect keeps the order", () =>
    agrees("collect", fc.array(json.filter(isPlain)), (outputs) => outputs));

  it("concat flattens arrays by one level", () => {
    agrees("concat", fc.array(fc.array(json).filter(isPlain)), (outputs) => outputs.flat(1));
  });

  it("concat joins strings, even in the middle of a character", () => {
    const halves = fc.constantFrom("\ud83d", "\ude00", '"', "\\", "");
    agrees("concat", fc.array(fc.oneof(text, halves), { minLength: 1 }), (outputs) => outputs.join(""));
  });

  it("join partials as text to what the reducer gives", () => {
    const cases = fc.oneof(
      fc.tuple(fc.constant("collect" as const), fc.array(json.filter(isPlain))),
      fc.tuple(fc.constant("concat" as const), fc.array(fc.array(json).filter(isPlain))),
      fc.tuple(fc.constant("concat" as const), fc.array(text)),
    );
    fc.assert(
      fc.property(cases, plan, ([name, outputs], decisions) => {
        const reducer = reducerFor(parseReduce(name));
        const chunks = cut<unknown>(outputs, decisions);
        const states = chunks.map((chunk) =>
          chunk.reduce((state, output) => reducer.step(state, output), reducer.init()),
        );
        const partials = states.map((state) => reducer.encode(state));
        expect(partials).toEqual(chunks.map((chunk) => partialOf(name, chunk.map(encodeJson))));
        const joined = joinPartials(name, partials);
        expect(JSON.parse(joined)).toEqual(
          reducer.finish(states.reduce((a, b) => reducer.combine(a, b), reducer.init())),
        );
        const join = new OrderedJoin(name);
        expect(partials.map((partial) => join.push(partial)).join("") + join.end()).toBe(joined);
      }),
      { numRuns: 500 },
    );
  });
});

function isPlain(value: unknown): boolean {
  return !/__proto__|constructor/.test(JSON.stringify(value));
}

// ── the handler module's own ───────────────────────────────────────────────────────────────────────────────────

describe("reduce", () => {
  it("folds with a function, zero and null being values like others", () => {
    const least = (a: unknown, b: unknown): unknown =>
      a === null || b === null ? null : Math.min(Number(a), Number(b));
    const outputs = fc.array(fc.option(fc.integer({ min: 0, max: 9 }), { freq: 10 }));
    agrees(
      "reduce",
      outputs,
      (list) =>
        list.length === 0 ? null : list.reduce((a, b) => (a === null || b === null ? null : Math.min(a, b))),
      least,
    );
  });

  it("folds with steps", () => {
    const longest = {
      init: () => ({ length: 0, seen: 0 }),
      step: (acc: { length: number; seen: number }, output: string) => ({
        length: Math.max(acc.length, output.length),
        seen: acc.seen + 1,
      }),
      combine: (a: { length: number; seen: number }, b: { length: number; seen: number }) => ({
        length: Math.max(a.length, b.length),
        seen: a.seen + b.seen,
      }),
      finish: (acc: { length: number; seen: number }) => [acc.length, acc.seen],
    } as CustomReducer;
    agrees(
      "reduce",
      fc.array(fc.string()),
      (list) => [Math.max(0, ...list.map((each) => each.length)), list.length],
      longest,
    );
  });
});

// ── hostile states ─────────────────────────────────────────────────────────────────────────────────────────────

const SPECS = [
  "collect",
  "concat",
  "sum",
  "count",
  "min",
  "max",
  "mean",
  "merge-counts",
  "top-k:3",
  "histogram:0:10:3",
  "reduce",
];

describe("decode", () => {
  const nearly = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.oneof(
        fc.constantFrom("12", "-5", "a", "__proto__", null, true, 1e308, -1e308, 2 ** 60, 1e20, 5e-324),
        fc.integer(),
        fc.double({ noNaN: true }),
      ),
      fc.array(tie("node"), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom("numbers", "counts", "below", "above", "x"), tie("node")),
    ),
  })).node;
  const hostile = fc.oneof(
    fc.string(),
    nearly.map((value) => JSON.stringify(value)),
    fc.constantFrom(
      "[1e999]",
      '["1e5",[]]',
      "[5,[0.5]",
      '[["__proto__",1]]',
      '{"__proto__":1}',
      "null",
      "",
      "[[]]",
    ),
  );

  it.each(SPECS)("of %s takes its own states or throws InvalidBody, and what it took can be used", (spec) => {
    const reducer = reducerFor(parseReduce(spec), (a, b) => [a, b]);
    fc.assert(
      fc.property(hostile, hostile, (one, two) => {
        const states = [one, two].flatMap((each) => decoded(reducer, each));
        try {
          const state = states.reduce((a, b) => reducer.combine(a, b), reducer.init());
          const again = reducer.decode(reducer.encode(state));
          expect(encodeJson(reducer.finish(again))).toBe(encodeJson(reducer.finish(state)));
        } catch (error) {
          expect(error).toBeInstanceOf(MusterError);
          expect(error).not.toBeInstanceOf(InvalidBody);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function decoded(reducer: Reducer, state: string): unknown[] {
  try {
    return [reducer.decode(state)];
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidBody);
    return [];
  }
}
