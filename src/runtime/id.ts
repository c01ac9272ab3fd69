/** Random identifiers. */
import { randomBytes } from "node:crypto";

/** 16 characters that stand in a subject, without meaning. */
export function randomId(): string {
  return randomBytes(12).toString("base64url");
}

/** An id that sorts by time: the milliseconds since 1970 in base 36, then random characters. */
export function timedId(now: number): string {
  return `${now.toString(36)}-${randomBytes(6).toString("base64url")}`;
}
