/** A job as it was given on the command line, whatever its input, ready to be sent. */

import { InvalidBody } from "../../errors.ts";
import { checkToken } from "../../protocol/names.ts";
import type { Shell } from "../shell.ts";
import { findInputs, type InputFile } from "./input-files.ts";
import { type PreparedJob, prepareJob, prepareValue, type SubmitFlags } from "./job-input.ts";
import { type JobFlags, jobOptionsOf } from "./job-options.ts";
import { type RecordReader, recordReaderOf } from "./record-input.ts";

/** A job whose items are records, still to be read. */
export interface PreparedRecords {
  kind: string;
  files: readonly InputFile[];
  reader: RecordReader;
  /** Options that go into headers, by name. */
  options: Record<string, string>;
}

export type Prepared = PreparedJob | PreparedRecords;

export interface GivenInputs {
  kind: string;
  inputs: readonly string[];
  flags: SubmitFlags;
}

/** Reads or finds, and checks, what a job was given. @throws what the contract has for bad input */
export async function prepare(shell: Shell, { kind, inputs, flags }: GivenInputs): Promise<Prepared> {
  const reader = recordReaderOf(flags);
  if (reader !== undefined) return await prepareRecords(shell, { kind, inputs, flags }, reader);
  const [input, second] = inputs;
  if (second !== undefined) {
    throw new InvalidBody(
      `Several inputs are given, "${second}" among them: say what they hold, with --lines, --ndjson, --csv, --json-array or --bytes.`,
    );
  }
  return await prepareJob(shell, { kind, input, flags });
}

/** Reads or finds, and checks, a job of one item: a JSON value, or the bytes of a file. @throws as {@link prepare} */
export async function prepareOne(
  shell: Shell,
  { kind, input, flags }: { kind: string; input: string | undefined; flags: JobFlags & { bytes?: boolean } },
): Promise<Prepared> {
  const reader = recordReaderOf(flags);
  if (reader === undefined) return await prepareValue(shell, { kind, input, flags });
  const inputs = input === undefined ? [] : [input];
  const prepared = await prepareRecords(shell, { kind, inputs, flags }, reader);
  const { length } = prepared.files;
  if (length === 1) return prepared;
  throw new InvalidBody(`"${input}" are ${length} files: run takes one, and map as many as there are.`);
}

async function prepareRecords(
  shell: Shell,
  { kind, inputs, flags }: GivenInputs,
  reader: RecordReader,
): Promise<PreparedRecords> {
  checkToken("kind", kind);
  const other = flags.range !== undefined ? "--range" : flags.split === true ? "--split" : undefined;
  if (other !== undefined) throw new InvalidBody(`Both files and ${other} are given: give one of them.`);
  return { kind, files: await findInputs(shell, inputs), reader, options: jobOptionsOf(flags) };
}
