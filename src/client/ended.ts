/** What a caller makes of an outcome: the result, or the error that it is thrown. */
import type { Client } from "../actors/client.ts";
import { JobCancelled, JobExpired, JobFailed, MusterError } from "../errors.ts";
import type { Outcome } from "../protocol/outcome.ts";

/** The result of a job that succeeded. @throws JobFailed, JobCancelled, JobExpired */
export async function resultOf(client: Client, outcome: Outcome): Promise<unknown> {
  throwUnlessSucceeded(outcome);
  if (outcome.object === undefined) return JSON.parse(outcome.body);
  const parts: Uint8Array[] = [];
  for await (const part of client.resultBytes(outcome)) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString("utf8"));
}

/** @throws JobFailed, JobCancelled, JobExpired */
export function throwUnlessSucceeded({ job, state, error, failures }: Outcome): void {
  if (state === "succeeded") return;
  if (state === "cancelled") throw new JobCancelled(job);
  if (state === "expired") throw new JobExpired(job);
  const { code = "unexpected", status = 500, message = "nothing is known.", path } = error ?? {};
  throw new JobFailed(job, message, {
    failures,
    path,
    cause: new MusterError(code, status, message, { path }),
  });
}
