/** Messages in the wire's form: encoded once, and their size checked before the client library sees them. */
import type { MsgHdrs, NatsConnection } from "nats";
import { BrokerUnreachable, PayloadTooLarge } from "../../errors.ts";
import type { Headers } from "../port.ts";
import { type EncodedHeaders, encodeHeaders } from "./headers.ts";

export interface WireMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: EncodedHeaders | undefined;
}

const NOTHING = new Uint8Array(0);

/**
 * A message with the headers of all records.
 * @throws PayloadTooLarge where the server would close the connection over it
 */
export function toWire(
  nc: NatsConnection,
  { subject, data = NOTHING }: { subject: string; data?: Uint8Array | string },
  ...records: readonly Headers[]
): WireMessage {
  const payload = typeof data === "string" ? Buffer.from(data) : data;
  const headers = records.length === 0 ? undefined : encodeHeaders(...records);
  const bytes = payload.length + (headers?.bytes.length ?? 0);
  const limit = nc.info?.max_payload;
  if (limit !== undefined && bytes > limit)
    throw new PayloadTooLarge(`The message for ${subject}`, bytes, limit);
  return { subject, payload, headers };
}

/** What the library takes beside subject and payload. */
export function optionsOf(
  { headers }: WireMessage,
  reply: string | undefined,
): { headers?: MsgHdrs; reply?: string } {
  const options: { headers?: MsgHdrs; reply?: string } = {};
  if (headers !== undefined) options.headers = headers;
  if (reply !== undefined) options.reply = reply;
  return options;
}

/** @throws BrokerUnreachable once the connection was closed for good */
export function checkOpen(nc: NatsConnection): void {
  if (nc.isClosed()) throw new BrokerUnreachable(nc.getServer(), "the connection was closed.");
}
