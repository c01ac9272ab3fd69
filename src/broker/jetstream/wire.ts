/** What must hold before a message is handed to the client library, whose own refusals have no code. */
import type { NatsConnection } from "nats";
import { BrokerUnreachable, PayloadTooLarge } from "../../errors.ts";
import type { Headers, OutMessage } from "../port.ts";

/** `NATS/1.0` and the blank line that ends the headers, in bytes. */
const HEADER_FRAME = 12;
/** What stands around a header's name and value, in bytes. */
const FIELD_FRAME = 4;
/** Bytes that a UTF-16 unit takes in UTF-8 at most. */
const MOST_BYTES = 3;

/** @throws PayloadTooLarge where the server would close the connection over it */
export function checkSize(
  nc: NatsConnection,
  message: Pick<OutMessage, "subject" | "data">,
  fields?: Headers,
): void {
  const limit = nc.info?.max_payload;
  if (limit === undefined) return;
  const { data = "" } = message;
  const isText = typeof data === "string";
  if (isText && data.length * MOST_BYTES + 4096 < limit && fields === undefined) return;
  const bytes = (isText ? Buffer.byteLength(data) : data.length) + headerBytes(fields);
  if (bytes > limit) throw new PayloadTooLarge(`The message for ${message.subject}`, bytes, limit);
}

function headerBytes(fields: Headers | undefined): number {
  if (fields === undefined) return 0;
  let bytes = HEADER_FRAME;
  for (const name in fields) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(fields[name] ?? "") + FIELD_FRAME;
  }
  return bytes;
}

/** @throws BrokerUnreachable once the connection was closed for good */
export function checkOpen(nc: NatsConnection): void {
  if (nc.isClosed()) throw new BrokerUnreachable(nc.getServer(), "the connection was closed.");
}
