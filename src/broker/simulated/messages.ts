/** Messages as the simulated server holds and carries them. */
import { HEADER } from "../../protocol/names.ts";
import type { Headers, OutMessage, StoreMessage, StreamMessage } from "../port.ts";

/** A message as it is sent: bytes, and what the server is told in headers. */
export interface Packet {
  subject: string;
  data: Uint8Array;
  headers: Headers;
  reply: string | undefined;
  /** Set on the server's own answer that nobody listens. */
  status?: "no responders";
}

/** A message in a stream. */
export interface StoredMessage extends StreamMessage {
  /** Bytes that it takes in the store, as the real file store counts them. */
  readonly size: number;
  /** When it is removed by its own TTL, in milliseconds since 1970. */
  readonly expiresAt: number;
}

export function toPacket(message: OutMessage): Packet {
  return {
    subject: message.subject,
    data: toBytes(message.data),
    headers: { ...message.headers },
    reply: message.reply,
  };
}

/** Writes the conditions of a store into headers, as the real client does. */
export function toStorePacket(message: StoreMessage): Packet {
  const headers: Record<string, string> = { ...message.headers };
  if (message.expectLast !== undefined) headers[HEADER.expectedLastSubjectSequence] = `${message.expectLast}`;
  if (message.msgId !== undefined) headers[HEADER.msgId] = message.msgId;
  if (message.ttlSeconds !== undefined) headers[HEADER.ttl] = `${message.ttlSeconds}s`;
  if (message.rollup) headers[HEADER.rollup] = "sub";
  return { subject: message.subject, data: toBytes(message.data), headers, reply: undefined };
}

const encoder = new TextEncoder();

/** Copies, so that the sender may use its buffer again. */
export function toBytes(data: Uint8Array | string | undefined): Uint8Array {
  if (data === undefined) return new Uint8Array(0);
  return typeof data === "string" ? encoder.encode(data) : data.slice();
}

/** Bytes that headers and data take on the wire. */
export function wireSize(packet: Packet): number {
  return headerSize(packet.headers) + packet.data.length;
}

/** Sequence, time, lengths and checksum of a record in the file store. */
const RECORD_BYTES = 30;
const HEADER_LENGTH_BYTES = 4;

export function storedSize(packet: Packet): number {
  const headers = headerSize(packet.headers);
  const lengthField = headers === 0 ? 0 : HEADER_LENGTH_BYTES;
  return RECORD_BYTES + packet.subject.length + lengthField + headers + packet.data.length;
}

const VERSION_LINE = "NATS/1.0\r\n\r\n".length;
const FIELD_MARKS = ": \r\n".length;

function headerSize(headers: Headers): number {
  let bytes = 0;
  for (const name in headers) bytes += name.length + Buffer.byteLength(headers[name] ?? "") + FIELD_MARKS;
  return bytes === 0 ? 0 : bytes + VERSION_LINE;
}
