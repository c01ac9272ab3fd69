import { describe, expect, it } from "vitest";
import { suggest } from "../../src/protocol/suggest.ts";

const NAMES = [
  "collect",
  "concat",
  "sum",
  "count",
  "min",
  "max",
  "mean",
  "merge-counts",
  "top-k",
  "histogram",
];

describe("suggest", () => {
  it.each([
    ["colect", "collect"],
    ["suum", "sum"],
    ["mni", "min"],
    ["topk", "top-k"],
    ["Histogramm", "histogram"],
    ["mergecount", "merge-counts"],
    ["SUM", "sum"],
  ])("takes %s for %s", (word, meant) => expect(suggest(word, NAMES)).toBe(meant));

  it.each(["", "x", "average", "zzzzzzzz", "ab"])("has nothing for %j", (word) => {
    expect(suggest(word, NAMES)).toBeUndefined();
  });

  it("prefers the nearest", () => expect(suggest("coun", ["cone", "count"])).toBe("count"));

  it("is quick about a word of a megabyte", () => {
    const started = performance.now();
    expect(suggest("x".repeat(1e6), NAMES)).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(500);
  });
});
