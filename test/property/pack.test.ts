import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidBody } from "../../src/errors.ts";
import { type Encoded, encodeResult, type Received } from "../../src/protocol/messages.ts";
import { HEADER } from "../../src/protocol/names.ts";
import { decodePack, encodePack, type PackedResult, resultsIn } from "../../src/protocol/pack.ts";
import { type JobSpec, SpecDecoder } from "../../src/protocol/spec.ts";

const TOTAL = 1_000;
const LIMIT = 1024 * 1024;
const spec: JobSpec = {
  job: "j",
  kind: "double",
  priority: "normal",
  total: TOTAL,
  reduce: { name: "collect", params: {} },
  backoffMs: 100,
  onError: "fail",
  submitted: 1_764_000_000_000,
};

const word = fc.nat(0xffff_ffff);
const time = fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 });
const result: fc.Arbitrary<PackedResult> = fc.record({
  spec: fc.constant(spec),
  from: fc.nat(TOTAL - 10),
  count: fc.integer({ min: 1, max: 10 }),
  // Parts of characters of several bytes are found by bytes, and characters that stand for two are not torn.
  partial: fc.oneof(fc.string(), fc.string({ unit: "grapheme" })).map((text) => JSON.stringify([text])),
  failures: fc.constant([]),
  handlerMs: fc.nat(1e9).map((micros) => micros / 1_000),
  worker: fc.constant("w"),
  tally: fc.record({
    outputs: fc.nat(10),
    attempts: fc.nat(30),
    inputDigest: fc.tuple(word, word),
    outputDigest: fc.tuple(word, word),
    began: time,
    ended: time,
    slots: fc.constant(4),
  }),
});

const received = ({ headers, data }: Encoded): Received => ({
  subject: "s",
  headers,
  data: Buffer.from(data as string),
});

describe("a pack", () => {
  it("gives back every result as it was, in order, and the bytes of each", () => {
    fc.assert(
      fc.property(fc.array(result, { minLength: 1, maxLength: 20 }), (results) => {
        const arrivals = decodePack(received(encodePack(results)), new SpecDecoder());
        expect(arrivals).toEqual(
          results.map((each) => ({ result: each, bytes: Buffer.byteLength(each.partial) })),
        );
      }),
    );
  });

  it("says the same of each as the message that it would have had for itself", () => {
    fc.assert(
      fc.property(fc.array(result, { minLength: 1, maxLength: 5 }), (results) => {
        const specs = new SpecDecoder();
        const together = resultsIn(received(encodePack(results)), specs, LIMIT);
        const alone = results.flatMap((each) => resultsIn(received(encodeResult(each)), specs, LIMIT));
        expect(together).toEqual(alone);
      }),
    );
  });

  it("keeps a total that is not known as it is", () => {
    const { total: _, ...open } = spec;
    const [one] = fc.sample(result, { numRuns: 1, seed: 1 });
    const arrivals = decodePack(
      received(encodePack([{ ...(one as PackedResult), spec: open }])),
      new SpecDecoder(),
    );
    expect(arrivals[0]?.result.spec).toEqual(open);
  });

  it("writes what all have alike once", () => {
    const [one] = fc.sample(result, { numRuns: 1, seed: 1 }) as [PackedResult];
    const results = Array.from({ length: 50 }, (_, from) => ({
      ...one,
      from,
      count: 1,
      partial: `[${from}]`,
    }));
    const { headers, data } = encodePack(results);
    expect(Object.keys(headers).sort()).toEqual(
      [HEADER.items, HEADER.pack, HEADER.spec, HEADER.worker].sort(),
    );
    expect(data.length).toBeLessThan(50 * 90);
  });

  it("refuses whatever else comes under its header, with a code", () => {
    const [one] = fc.sample(result, { numRuns: 1, seed: 1 }) as [PackedResult];
    const { headers } = encodePack([one]);
    const number = fc.oneof(fc.nat(40), fc.integer(), fc.double(), fc.anything());
    const body = fc.oneof(
      fc.string(),
      fc.array(number, { maxLength: 26 }).map((numbers) => `${JSON.stringify(numbers)}\nrest`),
    );
    const header = fc.oneof(fc.string(), fc.constantFrom("1 0 1", "2 1764000000000 1", "0 0 0"));
    fc.assert(
      fc.property(body, header, (data, packHeader) => {
        try {
          const message = received({ headers: { ...headers, [HEADER.pack]: packHeader }, data });
          const bytes = decodePack(message, new SpecDecoder()).reduce((sum, each) => sum + each.bytes, 0);
          expect(bytes).toBe(Buffer.byteLength(data) - Buffer.from(data).indexOf("\n") - 1);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidBody);
        }
      }),
    );
  });
});
