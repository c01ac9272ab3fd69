import { describe, expect, it } from "vitest";
import { z } from "zod";
import { chunk, isChunk } from "../../src/actors/handlers/chunk.ts";
import type { HandlerContext } from "../../src/actors/handlers/handler.ts";
import { type AnyTask, attemptsOf, isTask, task, timeoutOf } from "../../src/actors/handlers/task.ts";
import { handlerOfTask } from "../../src/actors/handlers/task-handler.ts";
import { InvalidChunk, InvalidName, InvalidOption } from "../../src/errors.ts";

const context = { index: 4, indexes: [4], attempts: [1], attempt: 1 } as unknown as HandlerContext;

function run(of: AnyTask, item: unknown): unknown {
  return handlerOfTask(of)(item, context);
}

describe("a task", () => {
  it("is refused where its kind or its options are none", () => {
    const run = (n: number) => n;
    expect(() => task("no kind", { run })).toThrow(InvalidName);
    expect(() => task("t", { run, retries: -1 })).toThrow(InvalidOption);
    expect(() => task("t", { run, retries: 1.5 })).toThrow(InvalidOption);
    expect(() => task("t", { run, timeout: "soon" as "1s" })).toThrow(InvalidOption);
  });

  it("is told from everything else", () => {
    expect(isTask(task("t", { run: (n: number) => n }))).toBe(true);
    expect([null, undefined, 1, {}, () => 1].some(isTask)).toBe(false);
  });

  it("counts attempts from retries, and milliseconds from durations", () => {
    expect([undefined, 0, 2].map((retries) => attemptsOf({ retries }))).toEqual([undefined, 1, 3]);
    expect(timeoutOf({ timeout: "1.5s" })).toBe(1_500);
    expect(timeoutOf({})).toBe(undefined);
  });
});

describe("a chunk", () => {
  it("has at least one item and at most a million, and nothing else is one", () => {
    expect(chunk(new Set([1, 2])).items).toEqual([1, 2]);
    expect(() => chunk([])).toThrow(InvalidChunk);
    expect(() => chunk(Array(1_000_001).fill(0))).toThrow(InvalidChunk);
    expect(() => chunk("text" as Iterable<string>)).toThrow(InvalidChunk);
    expect([chunk([1]), [1], { items: [1] }, null].map(isChunk)).toEqual([true, false, false, false]);
  });
});

describe("the handler of a task", () => {
  it("carries what workers look at", () => {
    const reduce = (a: number, b: number) => a + b;
    const handler = handlerOfTask(task("t", { run: (n: number) => n, retries: 4, timeout: "2s", reduce }));
    expect({ ...handler }).toEqual({ inline: false, batch: false, maxAttempts: 5, timeout: 2_000, reduce });
    expect(handlerOfTask(task("t", { run: (n: number) => n, reduce: "sum" })).reduce).toBe(undefined);
  });

  it("costs no promise where nothing waits", () => {
    const twice = task("t", { input: z.number(), output: z.number(), run: (n) => n * 2 });
    expect(run(twice, 2)).toBe(4);
  });

  it("gives what the schemas make of items and outputs", async () => {
    const trimmed = task("t", {
      input: z.string().transform((text) => text.trim()),
      output: z.string().transform(async (text) => `${text}!`),
      run: async (text) => text,
    });
    expect(await run(trimmed, " a ")).toBe("a!");
  });

  it("waits for whatever can be waited for", async () => {
    // biome-ignore lint/suspicious/noThenProperty: what query builders give is awaited, and is no Promise.
    const query = { then: (resolve: (value: number) => void) => resolve(3) };
    const lazy = task("t", { output: z.number(), run: (_: null) => query as unknown as Promise<number> });
    expect(await run(lazy, null)).toBe(3);
  });

  it("says where an item does not fit, by its number in the job", () => {
    const sized = task("sized", {
      input: z.object({ sides: z.array(z.number()) }),
      run: ({ sides }) => sides,
    });
    expect(() => run(sized, { sides: [1, "2"] })).toThrow(
      'Item 4 does not fit the input of "sized", at items[4].sides[1]: Invalid input: expected number, received string',
    );
  });

  it("says where an output does not fit", () => {
    const wrong = task("wrong", { output: z.object({ n: z.number() }), run: (n: number) => ({ n }) });
    expect(() => run(wrong, "x")).toThrow('The output does not fit the output of "wrong", at n: ');
  });

  it("is not run for the items of a batch that do not fit", async () => {
    const seen: unknown[] = [];
    const batch = task("batch", {
      batch: true,
      input: z.number(),
      run: (numbers, { indexes, attempts }) => {
        seen.push(numbers, indexes, attempts);
        return numbers;
      },
    });
    const three = { ...context, indexes: [4, 5, 7], attempts: [1, 2, 3] } as HandlerContext;
    const outputs = await handlerOfTask(batch)([1, "2", 3], three);
    expect(outputs).toEqual([1, expect.objectContaining({ code: "input_mismatch", path: "items[5]" }), 3]);
    expect(seen).toEqual([
      [1, 3],
      [4, 7],
      [1, 3],
    ]);
    expect(await handlerOfTask(batch)(["a"], context)).toEqual([expect.any(Error)]);
    expect(seen.length).toBe(3);
  });
});
