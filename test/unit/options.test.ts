import { describe, expect, it } from "vitest";
import { InvalidOption, UnknownOption } from "../../src/errors.ts";
import { parseDuration } from "../../src/protocol/duration.ts";
import {
  headerKey,
  headerName,
  headerOptions,
  OPTION_NAMES,
  parseOptions,
} from "../../src/protocol/options.ts";

/** A value of each option as text, as a header has it, and what it is read as. */
const TEXTS = {
  reduce: ["sum", "sum"],
  chunk: ["7", 7],
  window: ["8", 8],
  maxAttempts: ["9", 9],
  backoff: ["1.5s", 1_500],
  timeout: ["2m", 120_000],
  deadline: ["1h", { afterMs: 3_600_000 }],
  priority: ["low", "low"],
  delay: ["1d", 86_400_000],
  key: ["my key", "my key"],
  onError: ["continue", "continue"],
  output: ["object:REPORTS/a/b.json", { type: "object", bucket: "REPORTS", name: "a/b.json" }],
} as const;

/** As people and tools write it: `Muster-Max-Attempts`, `muster-max-attempts`, `Muster-maxAttempts`, `MUSTER-MAXATTEMPTS`, … */
function spellings(option: string): string[] {
  const canonical = headerName(option);
  return [
    canonical,
    canonical.toLowerCase(),
    canonical.toUpperCase(),
    `Muster-${option}`,
    `muster-${option.toLowerCase()}`,
    `MUSTER-${option.toUpperCase()}`,
    `mUsTeR-${option}`,
  ];
}

describe("options", () => {
  it("have defaults", () => {
    expect(parseOptions({})).toEqual({
      reduce: "collect",
      chunk: "auto",
      window: "auto",
      backoff: 100,
      priority: "normal",
      delay: 0,
      onError: "fail",
    });
  });

  it("are all tried here", () => {
    expect(Object.keys(TEXTS).sort()).toEqual([...OPTION_NAMES].sort());
  });

  it.each(Object.entries(TEXTS))("read %s in a header of any spelling", (option, [text, value]) => {
    for (const header of spellings(option)) {
      const raw = headerOptions({ [header]: text });
      expect(raw, header).toEqual({ [option]: text });
      expect(parseOptions(raw)).toMatchObject({ [option]: value });
    }
  });

  it("name headers as NATS users would", () => {
    expect(["maxAttempts", "onError", "key"].map(headerName)).toEqual([
      "Muster-Max-Attempts",
      "Muster-On-Error",
      "Muster-Key",
    ]);
  });

  it("leave alone the headers that are none", () => {
    const others = {
      "Nats-Expected-Stream": "x",
      traceparent: "y",
      Muster: "z",
      "Muster-Job": "j",
      "muster-reply": "r",
    };
    expect(headerOptions({ ...others, "Muster-Reply-Mode": "run" })).toEqual({});
  });

  it.each([
    [{ "Muster-Chunks": "5" }, 'Unknown option "Muster-Chunks". Did you mean "Muster-Chunk"?'],
    [{ "muster-max-atempts": "5" }, 'Did you mean "Muster-Max-Attempts"?'],
    [{ "Muster-OnErorr": "5" }, 'Did you mean "Muster-On-Error"?'],
    [{ "Muster-Zzzzzz": "5" }, /^Unknown option "Muster-Zzzzzz"\.$/],
    [{ "Muster-": "5" }, 'Unknown option "Muster-".'],
    [{ "Muster-Constructor": "5" }, /^Unknown option "Muster-Constructor"\.$/],
    [{ "Muster-__proto__": "5" }, 'Unknown option "Muster-__proto__".'],
  ])("refuse the header in %j", (headers, said) => {
    expect(() => headerOptions(headers)).toThrow(UnknownOption);
    expect(() => headerOptions(headers)).toThrow(said);
  });

  it.each([
    [{ chunks: 1 }, 'Unknown option "chunks". Did you mean "chunk"?'],
    [{ onerror: "fail" }, 'Did you mean "onError"?'],
    [{ max_attempts: 1 }, 'Did you mean "maxAttempts"?'],
    [{ constructor: 1 }, /^Unknown option "constructor"\.$/],
    [{ toString: 1 }, /^Unknown option "toString"\.$/],
  ])("refuse the unknown %j", (raw, said) => {
    expect(() => parseOptions(raw)).toThrow(UnknownOption);
    expect(() => parseOptions(raw)).toThrow(said);
  });

  it.each<[string, unknown[]]>([
    ["chunk", [0, -1, 1.5, 1_000_001, "x", "", true, false, null, [5], {}, { valueOf: 5, toString: 5 }]],
    ["window", [0, 100_001, "many", true, [5]]],
    ["maxAttempts", [0, 1_001, "auto", true]],
    ["backoff", [-1, "-1", "1 h", "1w", "", "1e3", "1..5s", "3651d", "99999999999d", true, null, []]],
    ["timeout", ["soon", -5, 1e18]],
    ["delay", ["tomorrow", -5, 1e300, "9".repeat(400)]],
    [
      "deadline",
      [
        "soon 3",
        "job-7",
        -5,
        "5 minutes",
        "2026-11",
        "2026-13-01",
        "24 Nov 2026",
        "2026-11-24 08",
        "",
        1e13,
        true,
      ],
    ],
    ["priority", ["urgent", "HIGH", 1, null]],
    ["key", ["", "k".repeat(257), 5, null]],
    ["onError", ["ignore", true]],
    ["reduce", [5, true, null, ["sum"]]],
  ])("refuse a %s that is none", (option, values) => {
    for (const value of values) {
      const parse = () => parseOptions({ [option]: value });
      expect(parse, JSON.stringify(value)).toThrow(InvalidOption);
      expect(parse).toThrow(expect.objectContaining({ code: "invalid_option", path: option }));
    }
  });

  it("read a deadline as a duration, or as the date that it is", () => {
    const parse = (deadline: string | number) => parseOptions({ deadline }).deadline;
    expect(parse(1_500)).toEqual({ afterMs: 1_500 });
    expect(parse("3650d")).toEqual({ afterMs: 3_650 * 86_400_000 });
    expect(parse("2026-11-24T08:00:00Z")).toEqual({ at: Date.UTC(2026, 10, 24, 8) });
    expect(parse("2026-11-24T08:00:00.250+02:00")).toEqual({ at: Date.UTC(2026, 10, 24, 6, 0, 0, 250) });
    expect(parse("2026-11-24")).toEqual({ at: Date.UTC(2026, 10, 24) });
    expect(parse("2026-11-24 08:00Z")).toEqual({ at: Date.UTC(2026, 10, 24, 8) });
  });

  it("show no more than the beginning of a long value: errors travel in headers", () => {
    const long = "x".repeat(100_000);
    for (const raw of [
      { [long]: 1 },
      { delay: long },
      { deadline: long },
      { chunk: [long] },
      { priority: long },
    ]) {
      const parse = () => parseOptions(raw);
      expect(parse).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/) }));
      expect(parse).toThrow(expect.objectContaining({ path: expect.stringMatching(/^.{1,70}$/) }));
    }
    expect(() => headerOptions({ [`Muster-${long}`]: "1" })).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/) }),
    );
  });

  it("take no harm from one another's results", () => {
    expect(parseOptions({ chunk: 5 }).window).toBe("auto");
    expect(parseOptions({}).chunk).toBe("auto");
  });
});

describe("the key in headers", () => {
  it.each([
    [{ "Nats-Msg-Id": "a" }, "a"],
    [{ "nats-msg-id": "a" }, "a"],
    [{ "Muster-Key": "b" }, "b"],
    [{ "muster-KEY": "b", "Nats-Msg-Id": "a" }, "b"],
    [{ "Nats-Msg-Id": "a", "Muster-Key": "b" }, "b"],
    [{ "Nats-Msg-Id": "" }, undefined],
    [{ "Nats-Msg-Id": "", "nats-msg-id": "a" }, "a"],
    [{ "Muster-Kee": "b" }, undefined],
    [{}, undefined],
  ])("of %j is %s", (headers, key) => {
    expect(headerKey(headers)).toBe(key);
  });

  it("is the option, however it stands there", () => {
    expect(headerOptions({ "Nats-Msg-Id": "a" })).toEqual({ key: "a" });
    expect(headerOptions({ "Muster-Key": "b", "Nats-Msg-Id": "a" })).toEqual({ key: "b" });
    expect(headerOptions({ "Nats-Msg-Id": "" })).toEqual({});
  });
});

describe("durations", () => {
  it.each([
    [1500, 1500],
    ["1500", 1500],
    ["1500ms", 1500],
    ["1.5s", 1500],
    [" 2m ", 120_000],
    ["1h", 3_600_000],
    ["1d", 86_400_000],
    [0, 0],
    ["0", 0],
  ])("%j is %i ms", (value, ms) => expect(parseDuration(value)).toBe(ms));

  it.each([
    -1,
    Number.NaN,
    Infinity,
    "",
    "s",
    "1 s",
    "1S",
    "-1s",
    "+1s",
    "1e3",
    ".5s",
    "1.s",
    "1s1m",
    null,
    {},
    [1],
    true,
  ])("%j is none", (value) => expect(parseDuration(value)).toBeUndefined());
});
