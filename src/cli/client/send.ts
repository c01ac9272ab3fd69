/** Sending a job: as one message, or its items through the object store where they do not fit into one. */
import type { Client } from "../../actors/client.ts";
import { totalOf } from "../../domain/plan.ts";
import { PayloadTooLarge } from "../../errors.ts";
import { ITEM_ROOM } from "../../protocol/records/record.ts";
import { startUploadBar } from "../render/progress-bar.ts";
import type { Shell } from "../shell.ts";
import type { PreparedJob } from "./job-input.ts";
import { optionTexts } from "./job-options.ts";
import type { Prepared, PreparedRecords } from "./prepare.ts";
import { type ReadCounts, recordsOf } from "./record-input.ts";

/** A job that is stored. */
export interface Sent {
  job: string;
  /** Its number of items, where that is known. */
  total: number | undefined;
}

/** Submits durably; resolves once the job is stored. Where it rejects, nothing was submitted. */
export async function send(
  shell: Shell,
  { client, prepared }: { client: Client; prepared: Prepared },
  signal: AbortSignal,
): Promise<Sent> {
  if ("files" in prepared) return await sendRecords(shell, { client, prepared }, signal);
  return { job: await sendJob(client, prepared), total: totalOf(prepared.submission.input) };
}

async function sendJob(client: Client, { kind, body, submission, options }: PreparedJob): Promise<string> {
  const { input } = submission;
  try {
    return await client.submit({ kind, body, options });
  } catch (error) {
    if (!(error instanceof PayloadTooLarge) || input.type !== "items") throw error;
    return await client.submitRecords({
      kind,
      records: input.items,
      options: optionTexts(submission.options),
    });
  }
}

async function sendRecords(
  shell: Shell,
  { client, prepared }: { client: Client; prepared: PreparedRecords },
  signal: AbortSignal,
): Promise<Sent> {
  const { kind, options, files, reader } = prepared;
  const counts: ReadCounts = { bytes: 0, records: 0, bad: 0 };
  const maxBytes = client.broker.maxPayload - ITEM_ROOM;
  const bar = startUploadBar(shell, files, counts);
  try {
    const records = recordsOf(files, { ...reader, maxBytes, counts, signal });
    const job = await client.submitRecords({ kind, records, options });
    return { job, total: counts.records };
  } catch (error) {
    signal.throwIfAborted(); // The reason of the wait's end, not what it did to the upload.
    throw error;
  } finally {
    bar.stop();
  }
}
