import { describe, expect, it } from "vitest";
import { outputText, readOutput } from "../../src/protocol/output.ts";

describe("a place for outputs", () => {
  const report = { type: "object", bucket: "REPORTS", name: "2026/a:b.json" };
  const scores = { type: "subject", subject: "scores.a-1" };

  it.each([
    ["object:REPORTS/2026/a:b.json", report],
    [{ object: "REPORTS/2026/a:b.json" }, report],
    ['{"object":"REPORTS/2026/a:b.json"}', report],
    ["subject:scores.a-1", scores],
    ["subject: scores.a-1 ", scores],
    [{ subject: "scores.a-1" }, scores],
  ])("is read from %j", (value, place) => {
    expect(readOutput(value)).toEqual(place);
    const read = readOutput(value);
    expect(read && readOutput(outputText(read))).toEqual(place);
  });

  it.each(
    [
      ["", "x", "object:", "object:a", "object:/a", "object:a/", "file:/tmp/x", "{", "subject:"],
      ["subject:a.*", "subject:>", "subject:a..b", "subject:a b", "subject:$JS.API.x", "subject:.a"],
      [null, {}, { object: 7 }, { object: "a/b", subject: "c" }, { subjct: "a" }],
    ].flat(),
  )("is not read from %j", (value) => expect(readOutput(value)).toBeUndefined());
});
