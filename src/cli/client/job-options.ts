/** The options of a job as flags of the command line, checked before anything is sent. */
import type { Command } from "commander";
import { parseReduce } from "../../domain/reducers/index.ts";
import { InvalidOption } from "../../errors.ts";
import { type JobOptions, parseOptions } from "../../protocol/options.ts";
import { outputText } from "../../protocol/output.ts";
import { cut } from "../render/text.ts";

/** What commander gives for the flags of {@link addJobOptions}: texts as they were typed. */
export interface JobFlags {
  reduce?: string;
  chunk?: string;
  window?: string;
  maxAttempts?: string;
  timeout?: string;
  deadline?: string;
  priority?: string;
  delay?: string;
  key?: string;
  onError?: string;
  backoff?: string;
  output?: string;
}

const FLAGS: Readonly<Record<keyof JobFlags, string>> = {
  reduce: "--reduce",
  chunk: "--chunk",
  window: "--window",
  maxAttempts: "--max-attempts",
  timeout: "--timeout",
  deadline: "--deadline",
  priority: "--priority",
  delay: "--delay",
  key: "--key",
  onError: "--on-error",
  backoff: "--backoff",
  output: "--output",
};

export function addJobOptions(command: Command): Command {
  return command
    .option(
      "-r, --reduce <reducer>",
      'how outputs become the result: "sum", "top-k:10", … (default: collect)',
    )
    .option("--chunk <n>", "items a task (default: auto)")
    .option("--window <n>", "tasks of the job that may be out at once (default: auto)")
    .option("--max-attempts <n>", "how often an item is tried (default: 3, or the handler's own)")
    .option("--timeout <duration>", "how long the handler may take for one item, as in 30s")
    .option("--deadline <when>", 'when the job expires: a duration ("10m") or a date')
    .option("--priority <priority>", "high, normal or low (default: normal)")
    .option("--delay <duration>", "how long until the job starts, as in 5m")
    .option("--key <key>", "idempotency key: the same key is the same job")
    .option(
      "--on-error <what>",
      "fail: the first failed item fails the job; continue: leave it out (default: fail)",
    )
    .option(
      "--output <place>",
      "where outputs go: object:BUCKET/NAME takes the result, subject:SUBJECT each output by itself",
    )
    .option(
      "--backoff <duration>",
      "upper bound of the first wait before an item is tried again (default: 100ms)",
    );
}

/** The options that were given, as they travel in headers. @throws InvalidOption that names the flag, UnknownReducer */
export function jobOptionsOf(flags: JobFlags): Record<string, string> {
  const names = Object.keys(FLAGS) as (keyof JobFlags)[];
  const entries = names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]] as const]));
  const given: Record<string, string> = Object.fromEntries(entries);
  checkGiven(given);
  return given;
}

function checkGiven(given: Readonly<Record<string, string>>): void {
  try {
    parseReduce(parseOptions(given).reduce);
  } catch (error) {
    throw error instanceof InvalidOption ? namingFlag(error, given) : error;
  }
}

/** Characters of a value that an error shows. */
const SHOWN = 64;

/** Names what was typed: `--max-attempts`, not `maxAttempts`. */
function namingFlag(error: InvalidOption, given: Readonly<Record<string, string>>): Error {
  const name = error.path ?? "";
  const flag = FLAGS[name as keyof JobFlags];
  if (flag === undefined) return error;
  const reason = error.message.slice(error.message.indexOf(": ") + 2);
  const isNoNumber = reason.startsWith("Invalid input: expected");
  const said = isNoNumber ? `"${cut(given[name] ?? "", SHOWN)}" is not a whole number.` : reason;
  return new InvalidOption(flag, said, { path: flag, cause: error });
}

/** Parsed options as they travel in headers: for a job whose body goes elsewhere than its items. */
export function optionTexts(options: JobOptions): Record<string, string> {
  const { reduce, deadline, output, ...others } = options;
  const texts: Record<string, string> = {
    reduce: typeof reduce === "string" ? reduce : JSON.stringify(reduce),
  };
  if (output !== undefined) texts.output = outputText(output);
  if (deadline !== undefined) texts.deadline = deadlineText(deadline);
  for (const [name, value] of Object.entries(others)) if (value !== undefined) texts[name] = String(value);
  return texts;
}

function deadlineText(deadline: NonNullable<JobOptions["deadline"]>): string {
  return deadline.at === undefined ? String(deadline.afterMs) : new Date(deadline.at).toISOString();
}
