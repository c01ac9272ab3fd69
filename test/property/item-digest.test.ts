import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDigests, digestText, ItemDigest, ItemHashes, NO_DIGEST } from "../../src/domain/item-digest.ts";
import { encodeJson } from "../../src/protocol/json.ts";
import type { Digest } from "../../src/protocol/receipt.ts";

function wordsOf(items: readonly [index: number, value: unknown][]): Digest {
  const digest = new ItemDigest();
  for (const [index, value] of items) digest.add(index, value);
  return digest.value;
}

const digestOf = (items: readonly [index: number, value: unknown][]) => digestText(wordsOf(items));

const items = fc.array(fc.jsonValue(), { maxLength: 30 }).map((values) => [...values.entries()]);

describe("a digest of items", () => {
  it("is the same whatever the order of the items and the cut into parts", () => {
    const cut = items.chain((all) =>
      fc.record({
        all: fc.constant(all),
        shuffled: fc.shuffledSubarray(all, { minLength: all.length }),
        at: fc.nat(all.length),
      }),
    );
    fc.assert(
      fc.property(cut, ({ all, shuffled, at }) => {
        const parts = [shuffled.slice(0, at), shuffled.slice(at)].map(wordsOf);
        expect(digestText(parts.reduce(addDigests, NO_DIGEST))).toBe(digestOf(all));
      }),
    );
  });

  it("is that of the value which comes back from the JSON that is written of it", () => {
    const value = fc.anything({
      withDate: true,
      withMap: true,
      withBoxedValues: true,
      withBigInt: true,
      withNullPrototype: true,
      withSparseArray: true,
    });
    const written = value.filter((candidate) => {
      try {
        return encodeJson(candidate) !== undefined;
      } catch {
        return false;
      }
    });
    fc.assert(
      fc.property(written, (candidate) => {
        expect(digestOf([[0, candidate]])).toBe(digestOf([[0, JSON.parse(encodeJson(candidate))]]));
      }),
      { numRuns: 500 },
    );
  });

  it.each([{ toJSON: "a member like any other" }, [{ a: { toJSON: null } }], { toJSON: { toJSON: 1 } }])(
    "takes a member named toJSON for data, unless it is a method: %j",
    (value) => {
      expect(digestOf([[0, value]])).toBe(digestOf([[0, JSON.parse(JSON.stringify(value))]]));
      expect(digestOf([[0, value]])).not.toBe(digestOf([[0, {}]]));
    },
  );

  it("tells apart values that differ, and the same values in other places", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.nat(), (a, b, index) => {
        fc.pre(JSON.stringify(a) !== JSON.stringify(b));
        expect(digestOf([[index, a]])).not.toBe(digestOf([[index, b]]));
        expect(digestOf([[index, a]])).not.toBe(digestOf([[index + 1, a]]));
      }),
    );
    const alike = [
      0,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      "",
      "a",
      "ab",
      "ba",
      null,
      true,
      false,
      [],
      {},
      [[]],
      [0],
      [[], []],
    ];
    const more = [
      { a: 1 },
      { a: [1] },
      { b: 1 },
      { a: { b: 1 } },
      { a: {}, b: 1 },
      "\u0000",
      "\u0000\u0000",
      0.5,
    ];
    expect(new Set([...alike, ...more].map((value) => digestOf([[0, value]]))).size).toBe(29);
  });

  it("knows no two of a million numbers in a row", () => {
    const hashes = new ItemHashes(1);
    const seen = new Set<number>();
    for (let i = 0; i < 1_000_000; i++) {
      hashes.set(0, i, i);
      seen.add(hashes.high(0) * 2 ** 20 + (hashes.low(0) & 0xfffff));
    }
    expect(seen.size).toBe(1_000_000);
  });

  it("sees items beyond 2^32", () => {
    expect(digestOf([[2 ** 32 + 5, 1]])).not.toBe(digestOf([[5, 1]]));
    expect(digestOf([[2 ** 53 - 1, 1]])).not.toBe(digestOf([[2 ** 52 - 1, 1]]));
  });
});
