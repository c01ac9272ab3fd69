/** The items of a job as they are given on the command line, read and checked before anything is sent. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { parseReduce } from "../../domain/reducers/index.ts";
import { InvalidBody, InvalidOption, messageOf } from "../../errors.ts";
import { parseJson } from "../../protocol/json.ts";
import { headerName } from "../../protocol/options.ts";
import { parseSubmission, type Submission } from "../../protocol/submission.ts";
import type { Shell } from "../shell.ts";
import { addJobOptions, type JobFlags, jobOptionsOf } from "./job-options.ts";
import { addRecordOptions, type RecordFlags } from "./record-input.ts";

export interface SubmitFlags extends JobFlags, RecordFlags {
  range?: string;
  split?: boolean;
}

/** A job that can be sent. */
export interface PreparedJob {
  kind: string;
  /** The body as it was given. */
  body: string;
  /** What the body and the flags mean together. */
  submission: Submission;
  /** Options that go into headers, by name. */
  options: Record<string, string>;
}

export interface GivenJob {
  kind: string;
  input: string | undefined;
  flags: SubmitFlags;
}

/** The arguments and flags of a command that submits. */
export function addSubmitArguments(command: Command): Command {
  command
    .argument("<kind>", "the handler to run, as in double")
    .argument(
      "[input...]",
      "JSON array of items or job object; @FILE reads it from a file, - from standard input; files and patterns with --lines, --ndjson, --csv, --json-array or --bytes",
    )
    .option("--range <from:to[:step]>", "whole numbers as items, TO left out, as in 0:1000000")
    .option("--split", "the input is a value, of which the handler module's splitter makes the items");
  return addJobOptions(addRecordOptions(command));
}

/**
 * Reads and checks a job.
 * @throws what the contract has for bad input: InvalidBody, InvalidJson, UnsafeNumber, UnknownOption, InvalidOption, …
 */
export async function prepareJob(shell: Pick<Shell, "stdin" | "cwd">, given: GivenJob): Promise<PreparedJob> {
  return preparedJob(given.kind, await readBody(shell, given), given.flags);
}

/**
 * Reads and checks a job of one item, a JSON value.
 * @throws as {@link prepareJob}
 */
export async function prepareValue(
  shell: Pick<Shell, "stdin" | "cwd">,
  { kind, input, flags }: GivenJob,
): Promise<PreparedJob> {
  if (input === undefined) throw new InvalidBody(NO_VALUE);
  return preparedJob(kind, wrapped("value", await readInput(shell, input)), flags);
}

function preparedJob(kind: string, data: Uint8Array, flags: JobFlags): PreparedJob {
  const flagged = jobOptionsOf(flags);
  const submission = parseSubmission(kind, data, asHeaders(flagged));
  parseReduce(submission.options.reduce);
  const { key } = submission.options;
  const options = key === undefined ? flagged : { ...flagged, key };
  return {
    kind,
    body: Buffer.from(data.buffer, data.byteOffset, data.length).toString("utf8"),
    submission,
    options,
  };
}

function asHeaders(options: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [headerName(name), value]));
}

async function readBody(
  shell: Pick<Shell, "stdin" | "cwd">,
  { input, flags }: GivenJob,
): Promise<Uint8Array> {
  if (flags.range !== undefined && (input !== undefined || flags.split === true)) {
    const other = flags.split === true ? "--split" : "items";
    throw new InvalidBody(`Both ${other} and --range are given: give one of them.`);
  }
  if (flags.range !== undefined) return Buffer.from(rangeBody(flags.range));
  if (input === undefined) throw new InvalidBody(NO_INPUT);
  const data = await readInput(shell, input);
  return flags.split === true ? wrapped("split", data) : data;
}

async function readInput(shell: Pick<Shell, "stdin" | "cwd">, input: string): Promise<Uint8Array> {
  if (input === "-") return await readAll(shell.stdin);
  return input.startsWith("@") ? await readBodyFile(shell.cwd, input.slice(1)) : Buffer.from(input);
}

/** Checked by itself, so that no value can close the bracket that is put around it. */
function wrapped(name: "split" | "value", value: Uint8Array): Uint8Array {
  parseJson(value);
  return Buffer.concat([Buffer.from(`{"${name}":`), value, Buffer.from("}")]);
}

const NO_VALUE =
  "No item is given: write it as JSON ('\"text\"'), as @FILE, or as - for standard input; or a file behind --bytes.";

const NO_INPUT =
  "No items are given: name them as JSON ('[1,2,3]'), as @FILE, as - for standard input, or as --range FROM:TO.";

const RANGE = /^(-?\d+):(-?\d+)(?::(-?\d+))?$/;

function rangeBody(range: string): string {
  const match = RANGE.exec(range.trim());
  if (match === null) {
    throw new InvalidOption(
      "--range",
      `"${range}" is no range: write FROM:TO or FROM:TO:STEP, as in 0:1000000.`,
    );
  }
  const [, from = "", to = "", step = "1"] = match;
  return `{"range":{"from":${BigInt(from)},"to":${BigInt(to)},"step":${BigInt(step)}}}`;
}

async function readBodyFile(cwd: string, path: string): Promise<Uint8Array> {
  if (path === "")
    throw new InvalidBody("No file is named behind @: write @items.json, or - for standard input.");
  try {
    return await readFile(resolve(cwd, path));
  } catch (cause) {
    throw new InvalidBody(`The file "${path}" cannot be read: ${messageOf(cause)}.`, { path, cause });
  }
}

async function readAll(stream: NodeJS.ReadStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}
