/** Headers are read the same whether the job's spec is known again by its bytes or not. */
import { MsgImpl } from "@nats-io/nats-core/internal";
import fc from "fast-check";
import type { Msg } from "nats";
import { describe, expect, it } from "vitest";
import { headersOf, parseHeaderBlock } from "../../src/broker/jetstream/headers.ts";

type Wire = ConstructorParameters<typeof MsgImpl>;

/** A message as the client library makes it of what came from the server. */
function messageOf(block: string): Msg {
  const bytes = Buffer.from(block);
  const place = {
    subject: Buffer.from("s"),
    reply: undefined,
    sid: 1,
    hdr: bytes.length,
    size: bytes.length,
  };
  return new MsgImpl(place as unknown as Wire[0], bytes, {} as Wire[2]) as unknown as Msg;
}

const line = fc.oneof(
  fc.constantFrom(
    "Muster-Items: 1-1/9",
    "Muster-Items: 2-2/9",
    "Muster-Worker: w",
    "Other: x",
    "constructor: y",
  ),
  fc.constantFrom(
    'Muster-Spec: {"job":"a"}',
    'Muster-Spec: {"job":"b"}',
    'Muster-Spec: {"job":"ä"}',
    "Muster-Spec:",
    'X: Muster-Spec: {"job":"a"}',
  ),
);
const block = fc
  .array(line, { maxLength: 4 })
  .map((lines) => `NATS/1.0\r\n${lines.map((each) => `${each}\r\n`).join("")}\r\n`);

describe("the headers of messages that come one after the other", () => {
  it("are those of each, whatever the one before it had", () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 12 }), (blocks) => {
        for (const each of blocks) expect(headersOf(messageOf(each))).toEqual(parseHeaderBlock(each));
      }),
      { numRuns: 500 },
    );
  });

  it("are whole where two that follow each other end in the same spec", () => {
    const [first, second] = ["1-1/9", "2-2/9"].map((items) =>
      headersOf(messageOf(`NATS/1.0\r\nMuster-Items: ${items}\r\nMuster-Spec: {"job":"a"}\r\n\r\n`)),
    );
    expect(first?.["Muster-Items"]).toBe("1-1/9");
    expect(second).toEqual({ "Muster-Items": "2-2/9", "Muster-Spec": '{"job":"a"}' });
  });
});
