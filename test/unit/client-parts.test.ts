import { describe, expect, it } from "vitest";
import { Latest } from "../../src/client/latest.ts";
import { wireOptions } from "../../src/client/options.ts";
import { range } from "../../src/client/range.ts";
import { InvalidBody } from "../../src/errors.ts";

describe("range", () => {
  it.each([
    [range(3), [0, 1, 2]],
    [range(2, 5), [2, 3, 4]],
    [range(0, 7, 3), [0, 3, 6]],
    [range(3, 0, -1), [3, 2, 1]],
    [range(3, 3), []],
    [range(3, 0), []],
  ])("counts %#", (numbers, expected) => {
    expect([...numbers]).toEqual(expected);
    expect(numbers.length).toBe(expected.length);
  });

  it("is of whole numbers", () => {
    expect(() => range(0, 1.5)).toThrow(InvalidBody);
    expect(() => range(0, 2 ** 53)).toThrow(InvalidBody);
    expect(() => range(0, 1, 0)).toThrow(InvalidBody);
  });
});

describe("the options of a job", () => {
  it("travel under the names of the protocol", () => {
    const deadline = new Date("2026-11-24T08:00:00Z");
    expect(wireOptions({ retries: 0, deadline, chunk: 5, reduce: "top-k:3", timeout: "2s" })).toEqual({
      maxAttempts: 1,
      deadline: "2026-11-24T08:00:00.000Z",
      chunk: 5,
      reduce: "top-k:3",
      timeout: "2s",
    });
  });

  it("do not travel where they were not given", () => {
    expect(wireOptions({ signal: AbortSignal.abort() })).toEqual({});
  });
});

describe("the latest value", () => {
  it("is what a slow reader gets; those before are gone", async () => {
    const latest = new Latest<number>();
    latest.set(1);
    latest.set(2);
    const seen: number[] = [];
    for await (const value of latest) {
      seen.push(value);
      if (value === 2) for (const next of [3, 4]) latest.set(next);
      else latest.end();
    }
    expect(seen).toEqual([2, 4]);
  });

  it("is waited for", async () => {
    const latest = new Latest<number>();
    const reader = latest[Symbol.asyncIterator]();
    const first = reader.next();
    latest.set(1);
    expect(await first).toEqual({ done: false, value: 1 });
    const end = reader.next();
    latest.end();
    expect((await end).done).toBe(true);
  });
});
