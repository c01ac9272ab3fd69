/** What a message asks of the stream before it may be stored. */
import { HEADER } from "../../protocol/names.ts";
import type { Headers, StreamPlan } from "../port.ts";
import type { MessageLog } from "./log.ts";
import { type Packet, storedSize } from "./messages.ts";
import { REFUSAL, type Refusal } from "./refusals.ts";

export function messageIdOf(headers: Headers): string | undefined {
  return headers[HEADER.msgId];
}

export function isRollup(headers: Headers): boolean {
  return headers[HEADER.rollup] === "sub";
}

export function hasExpectation(headers: Headers): boolean {
  return headers[HEADER.expectedLastSubjectSequence] !== undefined;
}

/** The message's own lifetime in milliseconds; undefined when it has none. */
export function ttlMsOf(headers: Headers): number | undefined {
  const ttl = headers[HEADER.ttl];
  return ttl === undefined ? undefined : Number.parseInt(ttl, 10) * 1000;
}

/** Refuses what the stream is not configured for. */
export function checkFeatures(plan: StreamPlan, { headers }: Packet): Refusal | undefined {
  const ttl = ttlMsOf(headers);
  if (ttl !== undefined && !(ttl >= 1000)) return REFUSAL.ttlInvalid;
  if (ttl !== undefined && !plan.messageTtl) return REFUSAL.ttlDisabled;
  if (isRollup(headers) && !plan.rollup) return REFUSAL.rollupNotPermitted;
  return undefined;
}

/** Compares the subject's last sequence with the one that the writer expects. */
export function checkExpectation(log: MessageLog, { subject, headers }: Packet): Refusal | undefined {
  const expected = headers[HEADER.expectedLastSubjectSequence];
  if (expected === undefined) return undefined;
  const actual = log.last(subject)?.seq ?? 0;
  return actual === Number(expected) ? undefined : REFUSAL.wrongLast(actual);
}

/**
 * Refuses what does not fit into a stream that discards new messages. One that takes the place of a message
 * that is no smaller (the subject is at its limit) fits always.
 */
export function checkRoom(
  plan: StreamPlan,
  log: MessageLog,
  packets: readonly Packet[],
): Refusal | undefined {
  if (plan.discard !== "new" || plan.maxBytes < 0) return undefined;
  let bytes = log.bytes;
  for (const packet of packets) {
    const size = storedSize(packet);
    const replaced = isAtSubjectLimit(plan, log, packet.subject) ? log.firstOf(packet.subject) : undefined;
    if (replaced !== undefined && replaced.size >= size) continue;
    bytes += size;
    if (bytes > plan.maxBytes) return REFUSAL.maxBytes;
  }
  return undefined;
}

function isAtSubjectLimit(plan: StreamPlan, log: MessageLog, subject: string): boolean {
  return plan.maxPerSubject > 0 && log.countOf(subject) >= plan.maxPerSubject;
}
