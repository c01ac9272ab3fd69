import { describe, expect, it } from "vitest";
import { ForbiddenKey, InvalidBody, InvalidJson, InvalidOutput, UnsafeNumber } from "../../src/errors.ts";
import {
  encodeJson,
  encodeState,
  findMember,
  MAX_DEPTH,
  MAX_OUTPUT_DEPTH,
  parseJson,
  parseState,
  splitArray,
} from "../../src/protocol/json.ts";

function nested(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

describe("parseJson", () => {
  it.each([
    ["", "it is empty"],
    [" \n", "it is empty"],
    ["[1,2,a]", 'a value was expected at position 5, but "a" stands there: [1,2,a]'],
    ["[1 2]", '"," or "]" was expected at position 3, but "2" stands there'],
    ["[NaN]", 'a value was expected at position 1, but "NaN" stands there'],
    ["-Infinity", 'a value was expected at position 0, but "-Infinity" stands there'],
    ['{"a":1,}', 'a key in double quotes was expected at position 7, but "}" stands there'],
    ["{a:1}", "a key in double quotes was expected at position 1"],
    ["['a']", 'a value was expected at position 1, but "\'" stands there'],
    ['{"a" 1}', '":" was expected at position 5'],
    ["[1,2", 'it ends too early, at position 4: "," or "]" was expected after [1,2'],
    ['"abc', 'a closing " was expected'],
    ['["a\\x"]', "an escape"],
    ['["a\nb"]', "an escaped control character"],
    ["[1]]", "the end was expected at position 3"],
    ["[1,\n 2,\n +3]", 'at position 9 (line 3, column 2), but "+3" stands there'],
    [`[${"1,".repeat(50)}x]`, '"x" stands there: …1,1,1,1,1,1,1,1,x]'],
  ])("says where %j goes wrong", (text, reason) => {
    expect(() => parseJson(text)).toThrow(InvalidJson);
    expect(() => parseJson(text)).toThrow(reason);
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(/not UTF-8/);
    expect(() => parseJson(Uint8Array.of(0x22, 0xc3))).toThrow(/not UTF-8/);
  });

  it("reads bytes in the middle of a larger buffer, and ignores a byte order mark", () => {
    const bytes = new TextEncoder().encode('xx\ufeff["é"]xx');
    expect(parseJson(bytes.subarray(2, -2))).toEqual(["é"]);
  });

  it("carries the path of what it reads", () => {
    expect(() => parseJson("{", "Muster-Reduce")).toThrow(expect.objectContaining({ path: "Muster-Reduce" }));
    expect(() => parseJson("1e999", "items[3]")).toThrow(expect.objectContaining({ path: "items[3]" }));
  });

  it.each(['{"__proto__":1}', '[{"a":{"\\u005f_proto__":{}}}]', '{"__proto__" : null}'])(
    "refuses the key in %s",
    (text) => {
      expect(() => parseJson(text)).toThrow(new ForbiddenKey("__proto__"));
    },
  );

  it("refuses a constructor with a prototype, and takes any other", () => {
    expect(() => parseJson('{"a":{"constructor":{"prototype":{}}}}')).toThrow(
      new ForbiddenKey("constructor"),
    );
    expect(parseJson('{"constructor":"x"}')).toEqual({ constructor: "x" });
  });

  it.each([
    '["__proto__"]',
    '["\\"__proto__\\":1"]',
    '{"a":"__proto__","b":"constructor"}',
    '"{\\"__proto__\\": 1}"',
  ])("does not mistake the string in %s for a key", (text) =>
    expect(parseJson(text)).toEqual(JSON.parse(text)),
  );

  it("shows the number that cannot be held", () => {
    expect(() => parseJson('["99999999999999999999", 99999999999999999999]')).toThrow(
      new UnsafeNumber("99999999999999999999"),
    );
    expect(() => parseJson("[1,1e999]")).toThrow(new UnsafeNumber("1e999"));
    expect(() => parseJson(`[0.${"1".repeat(100)},9007199254740993]`)).toThrow(
      new UnsafeNumber("9007199254740993"),
    );
  });

  it("takes integers of any size in muster's own states, but no infinity", () => {
    expect(parseState("[100000000000000000000]")).toEqual([1e20]);
    expect(() => parseState("[1e999]")).toThrow(UnsafeNumber);
  });

  it.each([
    "[".repeat(1e6),
    nested(1e6),
    '{"a":'.repeat(1e5),
    `${'{"a":'.repeat(1e5)}1${"}".repeat(1e5)}`,
    '"['.repeat(1e5),
    "]".repeat(1e6),
  ])("survives a depth bomb (%#)", (bomb) => expect(() => parseJson(bomb)).toThrow(InvalidJson));

  it("nests up to its limit, and counts no brackets in strings", () => {
    expect(() => parseJson(nested(MAX_DEPTH))).not.toThrow();
    expect(() => parseJson(nested(MAX_DEPTH + 1))).toThrow(/deeper than 1024/);
    const flat = JSON.stringify(Array(2000).fill("[[{"));
    expect(parseJson(flat)).toHaveLength(2000);
    expect(parseJson(`[${Array(5000).fill("[]").join(",")}]`)).toHaveLength(5000);
  });

  it("takes a number of a million digits apart in linear time", () => {
    const digits = "1".repeat(1e6);
    const started = performance.now();
    parseJson(`[0.${digits}]`);
    expect(() => parseJson(digits)).toThrow(UnsafeNumber);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("splitArray", () => {
  it("keeps texts as they are", () => {
    expect(splitArray(' [ 1.50, "a,]\\"b" ,[2, {"x":[3]}],{"y" : 1},true] ')).toEqual([
      "1.50",
      '"a,]\\"b"',
      '[2, {"x":[3]}]',
      '{"y" : 1}',
      "true",
    ]);
    expect(splitArray("[1, 2,\n3]")).toEqual(["1", "2", "3"]);
  });

  it.each(["[]", " [ ] ", "\ufeff[]"])("finds nothing in %j", (text) => expect(splitArray(text)).toEqual([]));

  it("refuses what is no array", () => {
    for (const text of ["{}", "1", "", '"[]"', "]["]) expect(() => splitArray(text)).toThrow(InvalidBody);
  });
});

describe("findMember", () => {
  it("looks at outermost members only, and takes the last", () => {
    const text = '{"a":{"items":[0]}, "items" : [1, 2] ,"b":"items","items":[3, 4]}';
    expect(findMember(text, "items")).toBe("[3, 4]");
    expect(findMember(text, "b")).toBe('"items"');
    expect(findMember('{"\\u0069tems":7}', "items")).toBe("7");
    // The raw text of the second key is the value of the first.
    expect(findMember('{"\\\\\\"":1,"\\"":2}', '\\"')).toBe("1");
  });

  it("finds nothing where there is nothing", () => {
    for (const text of ["{}", "[]", '"items"', '{"a":1}']) expect(findMember(text, "items")).toBeUndefined();
  });
});

describe("encodeJson", () => {
  it("writes nothing as null, and bigints as integers", () => {
    expect(encodeJson(undefined)).toBe("null");
    expect(encodeJson({ total: 2n ** 64n, gone: undefined, list: [undefined, 1n] })).toBe(
      '{"total":18446744073709551616,"list":[null,1]}',
    );
  });

  it.each([
    [Number.NaN, "it is NaN"],
    [{ a: [1, Infinity] }, '"1" is Infinity'],
    [[1n, Number.NaN], "NaN"],
    [() => 1, "it is a function"],
    [Symbol("x"), "it is a symbol"],
    [JSON.parse(nested(MAX_OUTPUT_DEPTH + 1)), "nests deeper"],
    [JSON.parse(nested(100_000)), "nests deeper"],
  ])("refuses what JSON cannot hold (%#)", (value, reason) => {
    expect(() => encodeJson(value)).toThrow(InvalidOutput);
    expect(() => encodeJson(value)).toThrow(reason);
  });

  it("names the member that closes a circle", () => {
    const node: Record<string, unknown> = { name: "a" };
    node.self = node;
    expect(() => encodeJson(node)).toThrow('circular, at "self"');
    expect(() => encodeJson({ big: 1n, node })).toThrow(InvalidOutput);
  });

  it("lets null and invalid dates be null", () => {
    expect(encodeJson([null, new Date(Number.NaN)])).toBe("[null,null]");
  });

  it("keeps the cause when an output's toJSON throws", () => {
    const cause = new Error("not today");
    const output = {
      toJSON: () => {
        throw cause;
      },
    };
    expect(() => encodeJson(output)).toThrow(expect.objectContaining({ code: "invalid_output", cause }));
  });

  it("refuses bigints in states, which would come back rounded", () => {
    expect(() => encodeState({ n: [1n] })).toThrow(/bigint/);
  });
});
