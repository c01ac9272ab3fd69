/** Options that the commands which start actors share, and how their values are read. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { FleetSettingsInput } from "../../bootstrap/settings.ts";
import { COMPRESSIONS, type Compression } from "../../protocol/compression.ts";
import { parseDuration } from "../../protocol/duration.ts";
import { LOG_LEVELS, type LogLevel } from "../../telemetry/log.ts";

/** What all actors of a fleet agree on; only what was given is passed on. */
export interface FleetOptions {
  lease?: string;
  replicas?: number;
  partitions?: number;
  storage?: "file" | "memory";
  compression?: Compression;
  reconfigure?: boolean;
}

export function addFleetOptions(command: Command): Command {
  return command
    .option(
      "--lease <duration>",
      "how long a task may go without a sign of life (fleet setting; 10s at first)",
    )
    .option(
      "--replicas <n>",
      "copies of every stream in a NATS cluster (fleet setting; 1 at first)",
      wholeNumber(1, 5),
    )
    .option(
      "--partitions <n>",
      "parts of the results, to share among aggregators (fleet setting; 8 at first)",
      wholeNumber(1, 256),
    )
    .addOption(
      new Option("--storage <kind>", "where streams are kept (fleet setting; file at first)").choices([
        "file",
        "memory",
      ]),
    )
    .addOption(
      new Option(
        "--compression <kind>",
        "how large tasks, results and jobs are stored (fleet setting; none at first)",
      ).choices(COMPRESSIONS),
    )
    .option("--reconfigure", "change the fleet settings that are in force");
}

/** The settings that were given expressly. */
export function fleetSettingsOf(options: FleetOptions): FleetSettingsInput {
  const { lease, replicas, partitions, storage, compression } = options;
  return {
    ...(lease === undefined ? {} : { lease }),
    ...(replicas === undefined ? {} : { replicas }),
    ...(partitions === undefined ? {} : { partitions }),
    ...(storage === undefined ? {} : { storage }),
    ...(compression === undefined ? {} : { compression }),
  };
}

export function logLevelOption(level: LogLevel): Option {
  return new Option("--log-level <level>", "what the log on stderr holds").choices(LOG_LEVELS).default(level);
}

export const HANDLERS_FLAG = "--handlers <file...>";
export const HANDLERS_TEXT = "modules with handlers, JavaScript or TypeScript";

/** Reads a whole number between limits. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const upTo = most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`;
    throw new InvalidArgumentError(`It must be a whole number from ${least}${upTo}.`);
  };
}

/** Reads a duration, into ms. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError("It must be a duration, as in 30s, 500ms or 2m.");
  return ms;
}
