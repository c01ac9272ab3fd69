/** What the server sends: header blocks, and the reply subjects of deliveries. */
import fc from "fast-check";
import { encodeHeaders, parseHeaderBlock } from "../../../src/broker/jetstream/headers.ts";
import { fromStoredAnswer, parseAckSubject } from "../../../src/broker/jetstream/messages.ts";
import { token } from "../arbitraries.ts";
import { bytesOf, mustBeSame, mustHold, partOf, type Target, textOf } from "../target.ts";

const headers: Target = {
  name: "headers",
  corpus: fc
    .tuple(
      fc.constantFrom("NATS/1.0", "NATS/1.0 503", "NATS/1.0 409 Consumer Deleted"),
      fc.dictionary(token, token),
    )
    .map(([first, fields]) => ({
      block: `${first}\r\n${Object.entries(fields)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("")}\r\n`,
    })),
  check({ block = "" }) {
    const fields = parseHeaderBlock(textOf(block));
    for (const [name, value] of Object.entries(fields))
      mustHold(typeof value === "string" && !name.includes("\r\n"), `the header ${name} is no line`);
    const again = parseHeaderBlock(Buffer.from(encodeHeaders(fields).bytes).toString("utf8"));
    mustBeSame(again, fields, "the headers came back otherwise");
    const hdrs = bytesOf(block).toString("base64");
    fromStoredAnswer({ message: { subject: "x", seq: 1, hdrs, data: textOf(block), time: textOf(block) } });
  },
};

const ack: Target = {
  name: "ack-subject",
  corpus: fc
    .tuple(fc.boolean(), token, token, fc.nat(99), fc.nat(), fc.nat(), fc.maxSafeNat())
    .map(([isLong, stream, consumer, ...numbers]) => ({
      text: partOf(`$JS.ACK.${isLong ? "_.hash." : ""}${stream}.${consumer}.${numbers.join(".")}.0`),
    })),
  check({ text }) {
    const info = parseAckSubject(textOf(text));
    mustHold(Object.keys(info).length === 4 && typeof info.nanos === "string", "it is not read whole");
  },
};

export const WIRE: readonly Target[] = [headers, ack];
