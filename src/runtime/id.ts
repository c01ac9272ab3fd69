/** Random identifiers. */
import { randomBytes } from "node:crypto";

/** 16 characters that stand in a subject, without meaning. */
export function randomId(): string {
  return randomBytes(12).toString("base64url");
}

/** 2^24: each random number gives so many values, which are three bytes. */
const THREE_BYTES = 0x1000000;

/** An id that sorts by time: the milliseconds since 1970 in base 36, then 48 random bits; `random` is uniform in [0, 1). */
export function timedId(now: number, random: () => number): string {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(Math.floor(random() * THREE_BYTES), 0, 3);
  bytes.writeUIntBE(Math.floor(random() * THREE_BYTES), 3, 3);
  return `${now.toString(36)}-${bytes.toString("base64url")}`;
}
