/** Sending a job: as one message, or its items through the object store where they do not fit into one. */
import type { Client } from "../../actors/client.ts";
import { PayloadTooLarge } from "../../errors.ts";
import type { PreparedJob } from "./job-input.ts";
import { optionTexts } from "./job-options.ts";

/** Submits durably; resolves with the job's id once it is stored. */
export async function send(
  client: Client,
  { kind, body, submission, options }: PreparedJob,
): Promise<string> {
  const { input } = submission;
  try {
    return await client.submit({ kind, body, options });
  } catch (error) {
    if (!(error instanceof PayloadTooLarge) || input.type !== "items") throw error;
    const records = linesOf(input.items);
    return await client.submitRecords({ kind, records, options: optionTexts(submission.options) });
  }
}

/** A line break in an item's JSON text can only stand between its tokens, where a space does as well. */
function* linesOf(items: readonly string[]): Iterable<string> {
  for (const item of items) yield item.replace(/[\r\n]+/g, " ");
}
