import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidBody } from "../../src/errors.ts";
import type { Encoded, Received } from "../../src/protocol/messages.ts";
import { HEADER } from "../../src/protocol/names.ts";
import { decodePack, encodePack } from "../../src/protocol/pack.ts";

const part: fc.Arbitrary<Encoded> = fc.record({
  headers: fc.dictionary(
    fc.constantFrom("Muster-Spec", "Muster-Items", "Muster-Failed", "X-Own"),
    fc.string(),
    {
      noNullPrototype: true,
    },
  ),
  data: fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array()),
});

const bytesOf = (data: string | Uint8Array) => Buffer.from(data as string);
const received = ({ headers, data }: Encoded): Received => ({ subject: "s", headers, data: bytesOf(data) });

describe("a pack", () => {
  it("gives back every message with its headers and its bytes, in order", () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 20 }), (parts) => {
        const back = decodePack(received(encodePack(parts)));
        expect(back.map(({ headers, data }) => [headers, Buffer.from(data).toString("hex")])).toEqual(
          parts.map(({ headers, data }) => [headers, bytesOf(data).toString("hex")]),
        );
      }),
    );
  });

  it("leaves a message that is none as it is", () => {
    const message = received({ headers: { a: "b" }, data: "[1]\nrest" });
    expect(decodePack(message)).toEqual([message]);
  });

  it("writes what all have alike once", () => {
    const spec = "x".repeat(1_000);
    const parts = Array.from({ length: 50 }, (_, at) => ({
      headers: { "Muster-Spec": spec, "Muster-Items": `${at}-${at}/50` },
      data: `[${at}]`,
    }));
    const { headers, data } = encodePack(parts);
    expect(headers).toEqual({ "Muster-Spec": spec, [HEADER.pack]: "Muster-Items" });
    expect(data.length).toBeLessThan(50 * 25);
  });

  it("refuses whatever else comes under its header, with a code", () => {
    const row = fc.oneof(fc.anything(), fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null))));
    const body = fc.oneof(
      fc.string(),
      fc.array(row).map((rows) => `${JSON.stringify(rows)}\nrest`),
    );
    fc.assert(
      fc.property(body, fc.string(), (data, columns) => {
        try {
          const parts = decodePack(received({ headers: { [HEADER.pack]: columns }, data }));
          const length = parts.reduce((sum, each) => sum + each.data.length, 0);
          expect(length).toBe(Buffer.byteLength(data) - Buffer.from(data).indexOf("\n") - 1);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidBody);
        }
      }),
    );
  });
});
