/** Outputs that go to a subject of the user's, one message an item. */
import type { StoreMessage } from "../../broker/port.ts";
import type { Piece } from "../../domain/pass.ts";
import { MusterError, OutputRefused } from "../../errors.ts";
import { BINARY_TYPE, bytesOfText } from "../../protocol/binary.ts";
import { splitArray } from "../../protocol/json.ts";
import { HEADER } from "../../protocol/names.ts";
import type { ActorContext } from "../context.ts";
import { storeSurely } from "../store-surely.ts";

/** Messages that are on their way at once. */
const AT_ONCE = 256;

interface Published {
  job: string;
  subject: string;
  /** As `collect` makes them. */
  pieces: readonly Piece[];
}

/**
 * Publishes each output under an id of its job and item: a task that runs again publishes the same ids, and the stream drops
 * the doubles, as long as its duplicate window reaches.
 * @throws OutputRefused where trying again would not help
 */
export async function publishOutputs(
  context: ActorContext,
  { job, subject, pieces }: Published,
  signal: AbortSignal,
): Promise<void> {
  const messages = pieces.flatMap(({ from, partial }) =>
    splitArray(partial).map((output, offset) => messageOf({ job, subject, output, index: from + offset })),
  );
  try {
    for (let at = 0; at < messages.length; at += AT_ONCE) {
      const some = messages.slice(at, at + AT_ONCE);
      await Promise.all(some.map((message) => storeSurely(context, message, signal)));
    }
  } catch (error) {
    if (!(error instanceof MusterError) || signal.aborted) throw error;
    throw new OutputRefused(`subject "${subject}"`, error.message, { cause: error });
  }
}

interface Output {
  job: string;
  subject: string;
  /** As JSON text. */
  output: string;
  index: number;
}

function messageOf({ job, subject, output, index }: Output): StoreMessage {
  const headers = { [HEADER.job]: job, [HEADER.index]: String(index) };
  const message = { subject, msgId: `${job}.${index}` };
  const bytes = bytesOfText(output);
  if (bytes === undefined) return { ...message, headers, data: output };
  return { ...message, headers: { ...headers, [HEADER.contentType]: BINARY_TYPE }, data: bytes };
}
