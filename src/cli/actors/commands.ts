/** `muster dispatcher`, `muster worker` and `muster aggregator`: one actor as a process. */
import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import type { Logger } from "pino";
import type { ExecHandler } from "../../actors/handlers/exec-executor.ts";
import { runAsProcess } from "../../bootstrap/actor-process.ts";
import type { ActorOptions } from "../../bootstrap/actors.ts";
import { BARE_ENVIRONMENT } from "../../bootstrap/embedded.ts";
import { ToldParent } from "../../bootstrap/kinship.ts";
import type { ActorRole } from "../../domain/fleet.ts";
import { createLogger, type LogLevel } from "../../telemetry/log.ts";
import { EXIT, exitCodeOf } from "../exit.ts";
import { addConnectOptions, type ConnectOptions, connectionOf, type Shell } from "../shell.ts";
import {
  addFleetOptions,
  duration,
  type FleetOptions,
  fleetSettingsOf,
  HANDLERS_FLAG,
  HANDLERS_TEXT,
  logLevelOption,
  wholeNumber,
} from "./options.ts";

interface ActorCommandOptions extends ConnectOptions, FleetOptions {
  handlers?: string[];
  slots?: number;
  id?: string;
  wait?: number;
  logLevel: LogLevel;
  bare?: boolean;
}

interface RoleText {
  description: string;
  example: string;
}

const ROLES: Record<ActorRole, RoleText> = {
  dispatcher: {
    description: "Run a dispatcher: takes jobs and lets out their tasks",
    example: "muster dispatcher --server nats://10.0.0.1",
  },
  worker: {
    description: "Run a worker: runs tasks in its slots",
    example: "muster worker --server nats://10.0.0.1 --handlers ./handlers.ts --slots 4",
  },
  aggregator: {
    description: "Run an aggregator: gathers results into outcomes",
    example: "muster aggregator --server nats://10.0.0.1",
  },
};

const LIFE = `
The first SIGTERM or Ctrl+C ends it in good order: nothing new is begun, what is begun is finished (exit code 0).
A second one ends it at once; what was begun runs elsewhere.
`;

export function registerActorCommands(program: Command, shell: Shell): void {
  for (const role of ["dispatcher", "worker", "aggregator"] as const) registerActor(program, shell, role);
}

function registerActor(program: Command, shell: Shell, role: ActorRole): void {
  const { description, example } = ROLES[role];
  const command = addConnectOptions(program.command(role).description(description));
  if (role !== "dispatcher") command.option(HANDLERS_FLAG, HANDLERS_TEXT);
  if (role === "worker") addSlotsOption(command);
  addActorOptions(command)
    .addHelpText("after", `${LIFE}\nExample:\n  $ ${example}\n`)
    .action(async (options: ActorCommandOptions) => {
      shell.exitCode = await runActor(shell, role, options).catch(saidByParent);
    });
  if (role === "worker") registerExec(command, shell);
}

function addSlotsOption(command: Command): Command {
  return command.option(
    "--slots <n>",
    "chunks that run at once (default: the number of cores)",
    wholeNumber(1, 10_000),
  );
}

function addActorOptions(command: Command): Command {
  return addFleetOptions(command)
    .option("--id <name>", "name of this actor, unique in the fleet (default: made up)")
    .option("--wait <duration>", "how long to wait for a broker that is not there yet", duration)
    .addOption(logLevelOption("info"))
    .addOption(new Option("--bare", "read neither NATS_* variables nor contexts").hideHelp());
}

// ── handlers in any language ───────────────────────────────────────────────────────────────────────────────────

interface ExecCommandOptions extends ActorCommandOptions {
  kind: string;
  envelope?: boolean;
}

const EXEC_HELP = `
CMD gets an item's JSON as a line on standard input, and answers with the output's JSON as a line on standard output; it is
kept from item to item, one process a slot, and must not hold its output back. A process that ends, or writes anything else,
fails the attempt at its item, never the worker. Its standard error goes to the worker's log.
With --envelope the lines are {"item":…,"job":…,"index":…,"attempt":…}, and {"output":…} or {"error":"…"}, beside which
"permanent":true or "retryAfter":ms may stand.
${LIFE}
Examples:
  $ muster worker exec --kind upper -- jq --unbuffered -c ascii_upcase
  $ muster worker exec --kind score --slots 4 -- python3 -u score.py --model small
`;

/** `muster worker exec`: behind `--` stands the command. */
function registerExec(worker: Command, shell: Shell): void {
  // Options behind the word "exec" are its own, though the worker has some of the same name.
  worker.enablePositionalOptions();
  const command = worker
    .command("exec")
    .description("Run a worker whose handler is a command, in any language")
    .argument("<command...>", "the command and its arguments, behind --")
    .requiredOption("--kind <kind>", "the kind that it handles")
    .option("--envelope", "lines are envelopes, in which a failure can be told");
  addActorOptions(addSlotsOption(addConnectOptions(command)))
    .addHelpText("after", EXEC_HELP)
    .action(async ([program = "", ...args]: string[], options: ExecCommandOptions) => {
      const { kind, envelope = false } = options;
      const exec: ExecHandler = { kind, command: program, args, envelope, env: shell.env };
      shell.exitCode = await runActor(shell, "worker", options, { exec });
    });
}

/** `muster up` says once what several of its actors may have met. */
function saidByParent(error: unknown): number {
  if (error instanceof ToldParent) return exitCodeOf(error.cause);
  throw error;
}

async function runActor(
  shell: Shell,
  role: ActorRole,
  options: ActorCommandOptions,
  more: Pick<ActorOptions, "exec"> = {},
): Promise<number> {
  const { handlers = [], slots = availableParallelism(), id, wait, prefix, reconfigure = false } = options;
  const logger = createLogger(options.logLevel);
  endOnUncaught(logger);
  const connection = await connectionOf(options.bare ? { ...shell, env: BARE_ENVIRONMENT } : shell, options);
  return await runAsProcess({
    role,
    logger,
    fleet: {
      connection,
      settings: fleetSettingsOf(options),
      reconfigure,
      ...(prefix === undefined ? {} : { prefix }),
    },
    actor: { handlers, slots, cwd: shell.cwd, ...more, ...(id === undefined ? {} : { id }) },
    ...(wait === undefined ? {} : { waitMs: wait }),
  });
}

/** After an error that nobody caught nothing is certain: what was begun runs elsewhere. */
function endOnUncaught(logger: Logger): void {
  process.on("uncaughtException", (error) => {
    logger.fatal({ err: error }, "an error that nobody caught: this process ends");
    process.exit(EXIT.failed);
  });
}
