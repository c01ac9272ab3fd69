/** What a job's message says of the job itself: its id, and who waits for it. */
import type { Delivery } from "../../broker/port.ts";
import { isBinary } from "../../protocol/binary.ts";
import type { Received } from "../../protocol/messages.ts";
import { HEADER, isToken } from "../../protocol/names.ts";
import type { ReplyTo } from "../../protocol/spec.ts";
import { jobOfKey, jobOfMessage, keyOf } from "../../protocol/submission.ts";

/** The id that the caller chose, or that follows from the job's key, or else from the message. */
export function jobIdOf(delivery: Delivery, { headers, data }: Pick<Received, "headers" | "data">): string {
  const given = headers[HEADER.job];
  if (given !== undefined && isToken(given)) return given;
  const key = keyOf(data, headers);
  return key === undefined ? jobOfMessage(delivery) : jobOfKey(key);
}

/** Undefined where nobody waits, or the subject is none that can be published to. */
export function replyOf(headers: Readonly<Record<string, string>>): ReplyTo | undefined {
  const subject = headers[HEADER.reply];
  if (subject === undefined || subject === "" || /[\s*>]/.test(subject)) return undefined;
  const mode = headers[HEADER.replyMode] === "watch" ? "watch" : "run";
  return { subject, mode, ...(isBinary(headers) ? { binary: true } : {}) };
}
