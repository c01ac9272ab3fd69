/** Looks whether a job's outputs can go where they are to go, before anything is run. */
import { InvalidOption, OutputRefused } from "../../errors.ts";
import type { JobSpec } from "../../protocol/spec.ts";
import type { ActorContext } from "../context.ts";

/** @throws OutputRefused, or InvalidOption where the place is muster's own or the job reduces what is to be published */
export async function checkOutput(context: ActorContext, { output, reduce }: JobSpec): Promise<void> {
  if (output === undefined) return;
  if (output.type === "object") return await checkBucket(context, output.bucket);
  const { subject } = output;
  if (reduce.name !== "count")
    throw new InvalidOption(
      "reduce",
      `outputs that go to a subject are counted, not reduced by "${reduce.name}".`,
    );
  if (subject.startsWith(`${context.names.prefix}.`))
    throw new InvalidOption("output", `the subject "${subject}" is one of muster's own.`);
  if ((await context.broker.streamOf(subject)) === undefined)
    throw new OutputRefused(`subject "${subject}"`, "no stream captures it.");
}

async function checkBucket({ broker }: ActorContext, bucket: string): Promise<void> {
  await broker.objects(bucket).catch((cause) => {
    throw new OutputRefused(`bucket "${bucket}"`, "there is no such object bucket.", { cause });
  });
}
