/**
 * What the compiler makes of the typed client. Nothing here runs: `test/types/types.test.ts` has it compiled, and so does
 * `npm run types`.
 */
import { z } from "zod";
import {
  chunk,
  fail,
  fromSplitter,
  type Muster,
  range,
  retryAfter,
  type Schema,
  task,
} from "../../src/index.ts";

declare const muster: Muster;

/** Compiles where both types are the same, and not merely assignable. */
function same<A>() {
  return <B>(..._: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]) => {};
}

// ── items and outputs ──────────────────────────────────────────────────────────────────────────────────────────

const area = task("area", {
  input: z.object({ width: z.number(), height: z.number().default(1) }),
  run: ({ width, height }) => width * height,
});

export async function itemsAreWhatTheSchemaTakes() {
  const areas = await muster.map(area, [{ width: 2 }, { width: 2, height: 3 }]);
  same<number[]>()<typeof areas>();
  // @ts-expect-error: a member is missing.
  muster.map(area, [{ height: 2 }]);
  // @ts-expect-error: the items are no boxes.
  muster.map(area, range(3));
  // @ts-expect-error: one item is no box.
  await muster.run(area, 3);
}

export async function itemsAreWhatTheHandlerTakes() {
  const double = task("double", { run: (n: number) => n * 2 });
  const results = await muster.map(double, range(2, 1e6));
  same<number[]>()<typeof results>();
  const one = await muster.run(double, 1);
  same<number>()<typeof one>();
  const streamed = muster.map(double, (async function* () { yield 1; })()); // biome-ignore format: one line
  for await (const output of streamed.outputs()) same<number>()<typeof output>();
  // @ts-expect-error: it takes numbers.
  muster.map(double, ["1"]);
  // @ts-expect-error: it takes numbers, each of them.
  muster.map(double, [1, "1"]);
}

export async function outputsAreWhatTheSchemaGives() {
  const parsed = task("parsed", { output: z.string().transform(Number), run: (n: number) => `${n}` });
  const numbers = await muster.map(parsed, [1]);
  same<number[]>()<typeof numbers>();
  // @ts-expect-error: the handler gives no string.
  task("wrong", { output: z.string(), run: (n: number) => n });
}

export async function aPromiseIsAwaitedAndSteeringIsNoOutput() {
  const steered = task("steered", {
    run: async (n: number) => {
      if (n > 2) return fail("too large");
      if (n > 1) return retryAfter(10);
      return `${n}`;
    },
  });
  const texts = await muster.map(steered, [1]);
  same<string[]>()<typeof texts>();
}

export async function batchesTakeAndGiveArrays() {
  const lengths = task("lengths", {
    batch: true,
    input: z.string(),
    run: (texts) => texts.map((text) => (text === "" ? fail("empty") : text.length)),
  });
  const found = await muster.map(lengths, ["a"]);
  same<number[]>()<typeof found>();
  // @ts-expect-error: a batch handler gives an array.
  task("wrong", { batch: true, run: (texts: string[]) => texts.length });
}

export async function anyStandardSchemaWillDo() {
  const own = {
    "~standard": { version: 1, vendor: "own", validate: (value: unknown) => ({ value: String(value) }) },
  } satisfies Schema<unknown, string>;
  const shout = task("shout", { input: own, run: (text) => text.toUpperCase() });
  const shouted = await muster.map(shout, ["a"]);
  same<string[]>()<typeof shouted>();
}

// ── results ────────────────────────────────────────────────────────────────────────────────────────────────────

export async function theTaskSaysHowItIsReduced() {
  const sum = await muster.map(task("t", { run: (n: number) => n, reduce: "sum" }), [1]);
  same<number>()<typeof sum>();
  const joined = await muster.map(task("t", { run: (n: number) => [n], reduce: "concat" }), [1]);
  same<number[]>()<typeof joined>();
  const least = await muster.map(task("t", { run: (text: string) => text, reduce: "min" }), ["a"]);
  same<string | null>()<typeof least>();
  const words = task("t", { run: (text: string) => ({ [text]: 1 }), reduce: "merge-counts" });
  const counts = await muster.map(words, ["a"]);
  same<Record<string, number>>()<typeof counts>();
  const top = await muster.map(words, ["a"], { reduce: "top-k:3" });
  same<[key: string, total: number][]>()<typeof top>();
  const sums = await muster.map(words, ["a"], { reduce: "group-by:country:sum:amount" });
  same<Record<string, number>>()<typeof sums>();
  const first = await muster.map(words, ["a"], { reduce: "group-by:country:min:name" });
  same<Record<string, unknown>>()<typeof first>();
  // @ts-expect-error: there is no such reducer.
  task("t", { run: (n: number) => n, reduce: "summ" });
}

export async function aReducerOfItsOwn() {
  const longest = task("t", { run: (text: string) => text, reduce: (a: string, b: string) => a + b });
  const combined = await muster.map(longest, ["a"]);
  same<string | null>()<typeof combined>();
  const steps = {
    init: () => [0, 0],
    step: ([count = 0, total = 0]: number[], n: number) => [count + 1, total + n],
    combine: (a: number[], b: number[]) => a.map((value, at) => value + (b[at] ?? 0)),
    finish: ([count = 0, total = 0]: number[]) => `${total / count}`,
  };
  const mean = await muster.map(task("t", { run: (n: number) => n, reduce: steps }), [1]);
  same<string>()<typeof mean>();
  // @ts-expect-error: the outputs are numbers.
  task("t", { run: (n: number) => n, reduce: (a: string, b: string) => a + b });
}

export async function theCallerMaySayOtherwise() {
  const sum = task("t", { run: (n: number) => n, reduce: "sum" });
  const list = await muster.map(sum, [1], { reduce: "collect" });
  same<number[]>()<typeof list>();
  const histogram = await muster.map(sum, [1], { reduce: "histogram:0:10:5" });
  same<number[]>()<typeof histogram.edges>();
  // @ts-expect-error: there is no such option.
  muster.map(sum, [1], { chunks: 1 });
  // @ts-expect-error: that is no duration.
  muster.map(sum, [1], { timeout: "3 seconds" });
}

export async function failedItemsLeaveNull() {
  const job = muster.map(area, [{ width: 1 }], { onError: "continue" });
  for await (const output of job.outputs()) same<number | null>()<typeof output>();
  const results = await job;
  same<(number | null)[]>()<typeof results>();
  const sum = await muster.map(area, [{ width: 1 }], { onError: "continue", reduce: "sum" });
  same<number>()<typeof sum>();
}

// ── without types, and found again ─────────────────────────────────────────────────────────────────────────────

export async function kindsByName() {
  const unknowns = await muster.map("double", [1]);
  same<unknown[]>()<typeof unknowns>();
  const numbers = await muster.map<number>("double", range(3));
  same<number[]>()<typeof numbers>();
  const sum = await muster.map("double", range(3), { reduce: "sum" });
  same<number>()<typeof sum>();
}

export async function jobsFoundAgain() {
  const results = await muster.job("id", area);
  same<number[]>()<typeof results>();
  const unknown = await muster.job("id");
  same<unknown>()<typeof unknown>();
}

export async function theElementsOfAConcatenationAreReadOneByOne() {
  const words = task("words", { run: (text: string) => text.split(" "), reduce: "concat" });
  for await (const word of muster.map(words, ["a b"]).outputs()) same<string>()<typeof word>();
  for await (const word of muster.job("id", words).outputs()) same<string>()<typeof word>();
  const lists = muster.map(words, ["a b"], { reduce: "collect", onError: "continue" });
  for await (const list of lists.outputs()) same<string[] | null>()<typeof list>();
}

// ── splitters ──────────────────────────────────────────────────────────────────────────────────────────────────

export async function aSplitterYieldsItemsOrChunksOfThem() {
  const rows = task("rows", {
    split: async function* ({ table }: { table: string }) {
      yield `${table}/1`;
      yield chunk([`${table}/2`, `${table}/3`]);
    },
    run: (row: string) => row.length,
    reduce: "sum",
  });
  const sum = await muster.map(rows, fromSplitter({ table: "orders" }));
  same<number>()<typeof sum>();
  const listed = await muster.map(rows, ["orders/1"], { reduce: "collect" });
  same<number[]>()<typeof listed>();
  await muster.submit(rows, fromSplitter({ table: "orders" }));
  // @ts-expect-error: the splitter takes a table.
  muster.map(rows, fromSplitter({ tables: "orders" }));
  // @ts-expect-error: it makes numbers, and the handler takes texts.
  task("odd", { split: () => [1], run: (row: string) => row });
  // @ts-expect-error: of chunks, too.
  task("odd", { split: () => [chunk([1])], run: (row: string) => row });
  const plain = task("plain", { run: (n: number) => n });
  // @ts-expect-error: it has no splitter.
  muster.map(plain, fromSplitter(1));
}
