import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidJson, MusterError, UnsafeNumber } from "../../src/errors.ts";
import {
  encodeJson,
  encodeState,
  findMember,
  parseJson,
  parseState,
  splitArray,
} from "../../src/protocol/json.ts";

const space = fc.constantFrom("", " ", "\n", "\t", " \r\n ");
const trickyString = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    '","',
    "[{",
    "}]",
    '\\"',
    "\\",
    "1e999",
    "99999999999999999999",
    "\u2028",
    '"__proto__":1',
    "]",
  ),
);
const value = fc.oneof(
  fc.jsonValue({ depthSize: "medium", stringUnit: "binary" }),
  fc.array(
    fc.oneof(trickyString, fc.integer(), fc.array(trickyString), fc.dictionary(trickyString, trickyString)),
  ),
);
const isPlain = (text: string): boolean => !/__proto__|constructor/.test(text);

/** A JSON array text with spaces of any kind between its elements. */
const spacedArray = fc.array(fc.tuple(space, value, space)).map((parts) => {
  const texts = parts.map(([, element]) => JSON.stringify(element));
  const inner = parts.map(([before, , after], at) => before + texts[at] + after).join(",");
  return { texts, text: ` [${inner} ] ` };
});

describe("splitArray", () => {
  it("gives every element's text unchanged", () => {
    fc.assert(
      fc.property(spacedArray, ({ text, texts }) => {
        expect(splitArray(text)).toEqual(texts);
      }),
      { numRuns: 500 },
    );
  });
});

describe("findMember", () => {
  it("gives the text of the last member of that name, as JSON.parse does", () => {
    const member = fc.tuple(fc.oneof(fc.constantFrom("items", 'i"t', "é"), trickyString), space, value);
    fc.assert(
      fc.property(fc.array(member), (members) => {
        const text = `{${members.map(([key, gap, each]) => `${gap}${JSON.stringify(key)}${gap}:${gap}${JSON.stringify(each)}${gap}`).join(",")}}`;
        for (const [key] of members) {
          const last = members.findLast(([other]) => other === key);
          expect(findMember(text, key)).toBe(JSON.stringify(last?.[2]));
        }
        expect(findMember(text, "no such member")).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});

describe("parseJson", () => {
  it("takes what JSON.parse takes, from text and from bytes", () => {
    fc.assert(
      fc.property(value, (each) => {
        const text = JSON.stringify(each);
        fc.pre(isPlain(text));
        expect(parseState(text)).toEqual(JSON.parse(text));
        expect(parseState(new TextEncoder().encode(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it("refuses exactly what JSON.parse refuses, and names a place", () => {
    const damaged = fc.tuple(
      value,
      fc.nat(),
      fc.constantFrom("", '"', "[", "}", ",", "\\", "x", "0", "\n", "-", ":", "tru", "1.", "\u0000"),
    );
    fc.assert(
      fc.property(damaged, ([each, where, junk]) => {
        const whole = JSON.stringify(each);
        fc.pre(isPlain(whole));
        const at = where % (whole.length + 1);
        const text = whole.slice(0, at) + junk + whole.slice(at + 1);
        expect(parsed(text, parseState)).toEqual(parsed(text, JSON.parse));
      }),
      { numRuns: 3000 },
    );
  });

  it("answers any bytes with a value or a typed error", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.string({ unit: "binary" })), (input) => {
        try {
          parseJson(input);
        } catch (error) {
          expect(error).toBeInstanceOf(MusterError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("finds the numbers that JavaScript cannot hold, wherever they stand, and only those", () => {
    const safe = fc.constantFrom(
      "1",
      "-0",
      "9007199254740991",
      "-9007199254740991",
      "0.30000000000000004",
      "1e20",
      "1.7e308",
      "0.12345678901234567890123",
      "12.5e100",
      "1000000000000000",
      "9007199254740993.5",
    );
    const unsafe = fc.constantFrom(
      "1e999",
      "-1e309",
      "9007199254740992",
      "-9007199254740992",
      "12345678901234567890",
      "1E+400",
      `1${"0".repeat(400)}`,
      "17e308",
      `0.5e${"9".repeat(5)}`,
    );
    const string = fc.constantFrom('"99999999999999999999"', '"1e999"', '"a\\"1e999"', '"\\\\"', '""');
    const part = fc.oneof(
      { weight: 10, arbitrary: fc.oneof(safe, string) },
      { weight: 1, arbitrary: unsafe },
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), fc.boolean(), (parts, isObject) => {
        const text = isObject
          ? `{${parts.map((each, at) => `"${at}":${each}`).join(", ")}}`
          : `[${parts.join(",")}]`;
        const firstUnsafe = parts.find((each) => !each.startsWith('"') && isUnsafe(each));
        if (firstUnsafe === undefined) expect(parseJson(text)).toEqual(JSON.parse(text));
        else expect(() => parseJson(text)).toThrow(new UnsafeNumber(shown(firstUnsafe)));
      }),
      { numRuns: 2000 },
    );
  });
});

function isUnsafe(literal: string): boolean {
  const isInteger = /^-?\d+$/.test(literal);
  if (!isInteger) return !Number.isFinite(Number(literal));
  const exact = BigInt(literal);
  return exact > 2n ** 53n - 1n || exact < 1n - 2n ** 53n;
}

function shown(literal: string): string {
  return literal.length > 60 ? `${literal.slice(0, 60)}…` : literal;
}

function parsed(text: string, parse: (text: string) => unknown): unknown {
  try {
    return { value: parse(text) };
  } catch (error) {
    // A digit more may make a number too large: JSON.parse makes it an infinity.
    if (error instanceof UnsafeNumber) return { value: JSON.parse(text) };
    if (error instanceof InvalidJson) expect(error.message).toMatch(/expected|empty|deeper/);
    return error instanceof InvalidJson || error instanceof SyntaxError ? "refused" : error;
  }
}

describe("encodeJson", () => {
  it("writes what JSON.stringify writes", () => {
    fc.assert(
      fc.property(value, (each) => {
        expect(encodeJson(each)).toBe(JSON.stringify(each));
      }),
    );
  });

  it("writes bigints as integer literals, and all else around them as JSON.stringify does", () => {
    const leaf = fc.oneof(
      fc.bigInt(),
      fc.string(),
      fc.integer(),
      fc.constant(undefined),
      fc.constant(null),
      fc.date(),
    );
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("node")),
        fc.dictionary(fc.string(), tie("node")),
      ),
    })).node;
    fc.assert(
      fc.property(tree, (each) => {
        const marked =
          JSON.stringify(each, (_, inner) => (typeof inner === "bigint" ? `<big>${inner}` : inner)) ?? "null";
        expect(encodeJson(each)).toBe(marked.replaceAll(/"<big>(-?\d+)"/g, "$1"));
      }),
      { numRuns: 500 },
    );
  });

  it("finds numbers that are not finite at any depth", () => {
    fc.assert(
      fc.property(value, fc.constantFrom(Number.NaN, Infinity, -Infinity), (each, bad) => {
        expect(() => encodeJson([each, { deep: [null, bad] }])).toThrow(/"1" is (NaN|-?Infinity)/);
      }),
    );
  });

  it("writes states that parseState gives back, doubles of any size included", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })), (numbers) => {
        expect(parseState(encodeState(numbers))).toEqual(numbers.map((each) => each + 0));
      }),
    );
  });
});
