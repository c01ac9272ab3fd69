/** `muster up`: a server and all actors, until a signal comes. */
import type { Command } from "commander";
import { EPHEMERAL } from "../../bootstrap/embedded.ts";
import { exitCodeOfSignal, onStopSignals, type StopSignal } from "../../bootstrap/signals.ts";
import { bringUp, type Up, type UpOptions } from "../../bootstrap/up.ts";
import { InvalidConfig } from "../../errors.ts";
import type { LogLevel } from "../../telemetry/log.ts";
import { EXIT } from "../exit.ts";
import { addConnectOptions, type ConnectOptions, connectionOf, type Shell } from "../shell.ts";
import { banner } from "./banner.ts";
import { ENTRY } from "./entry.ts";
import {
  addFleetOptions,
  type FleetOptions,
  fleetSettingsOf,
  HANDLERS_FLAG,
  HANDLERS_TEXT,
  logLevelOption,
  wholeNumber,
} from "./options.ts";
import { tellSearch } from "./search.ts";
import { tellUpEvent } from "./up-events.ts";

interface UpCommandOptions extends ConnectOptions, FleetOptions {
  port?: number;
  data?: string;
  ephemeral?: boolean;
  workers?: number;
  dispatchers?: number;
  aggregators?: number;
  slots?: number;
  handlers?: string[];
  logLevel: LogLevel;
}

const TEXT = `
It keeps running. Ctrl+C ends all in good order: workers, dispatchers, aggregators, then the server. A second one ends at once.
A server is started unless one is given by --server, --context, NATS_URL or NATS_CONTEXT.

Examples:
  $ muster up --ephemeral
  $ muster up --server nats://10.0.0.1 --workers 4 --handlers ./handlers.ts
`;

export function registerUpCommand(program: Command, shell: Shell): void {
  const command = addConnectOptions(
    program.command("up").description("Start a NATS server and all actors, and keep running"),
  )
    .option(
      "--port <port>",
      "port of the server that is started; -1 for any free one (default: 4222)",
      wholeNumber(-1, 65_535),
    )
    .option("--data <folder>", "where that server keeps its streams (default: ~/.local/share/muster)")
    .option("--ephemeral", "keep nothing: streams go when this command ends")
    .option("--workers <n>", "worker processes (default: the number of cores)", wholeNumber(0, 1_000))
    .option("--slots <n>", "chunks that each worker runs at once (default: 1)", wholeNumber(1, 10_000))
    .option("--dispatchers <n>", "dispatcher processes (default: 1)", wholeNumber(0, 100))
    .option("--aggregators <n>", "aggregator processes (default: 1)", wholeNumber(0, 100))
    .option(HANDLERS_FLAG, HANDLERS_TEXT);
  addFleetOptions(command)
    .addOption(logLevelOption("warn"))
    .addHelpText("after", TEXT)
    .action(async (options: UpCommandOptions) => {
      shell.exitCode = await up(shell, options);
    });
}

/** Runs until a signal ends it; resolves with the exit code. */
async function up(shell: Shell, options: UpCommandOptions): Promise<number> {
  const life = new Life(shell);
  try {
    const running = await bringUp(await planOf(shell, options, life.starting));
    shell.stderr.write(banner(running, { ...options, env: shell.env }));
    return await life.of(running);
  } catch (error) {
    if (life.endedBy === undefined) throw error;
    return exitCodeOfSignal(life.endedBy);
  }
}

/** From the first moment to the last, what signals mean to `up`. */
class Life {
  /** The signal that ended it before it was up, or made it end at once. */
  endedBy: StopSignal | undefined;
  readonly #shell: Shell;
  readonly #starting = new AbortController();
  #running: Up | undefined;
  readonly #over: Promise<void>;

  constructor(shell: Shell) {
    this.#shell = shell;
    this.#over = new Promise((resolve, reject) => {
      onStopSignals({
        stop: (signal) => void this.#stop(signal)?.then(resolve, reject),
        abort: (signal) => void this.#abort(signal)?.then(resolve, reject),
      });
    });
  }

  /** Aborts when a signal comes before it is up. */
  get starting(): AbortSignal {
    return this.#starting.signal;
  }

  /** Resolves with the exit code when what runs has ended. */
  async of(running: Up): Promise<number> {
    this.#running = running;
    // A signal that came as the start was ending.
    if (this.#starting.signal.aborted) await running.stop();
    else await this.#over;
    return this.endedBy === undefined ? EXIT.done : exitCodeOfSignal(this.endedBy);
  }

  #stop(signal: StopSignal): Promise<void> | undefined {
    if (this.#running !== undefined) return end(this.#shell, this.#running);
    this.endedBy = signal;
    this.#starting.abort(new Error("stopped while it started"));
    return undefined;
  }

  #abort(signal: StopSignal): Promise<void> | undefined {
    this.endedBy = signal;
    return this.#running?.abort();
  }
}

async function end(shell: Shell, running: Up): Promise<void> {
  shell.stderr.write("muster: stopping in good order (once more to stop at once)\n");
  await running.stop();
  shell.stderr.write("muster: stopped\n");
}

async function planOf(shell: Shell, options: UpCommandOptions, signal: AbortSignal): Promise<UpOptions> {
  const { workers: worker, dispatchers: dispatcher, aggregators: aggregator, slots, handlers = [] } = options;
  return {
    entry: ENTRY,
    env: shell.env,
    cwd: shell.cwd,
    broker: await brokerOf(shell, options),
    prefix: options.prefix,
    settings: fleetSettingsOf(options),
    reconfigure: options.reconfigure ?? false,
    counts: { worker, dispatcher, aggregator },
    slots,
    handlers,
    logLevel: options.logLevel,
    onEvent: tellUpEvent(shell),
    signal,
  };
}

async function brokerOf(shell: Shell, options: UpCommandOptions): Promise<UpOptions["broker"]> {
  const { port, data, ephemeral, replicas = 1 } = options;
  if (isGiven(shell, options)) {
    const useless =
      port !== undefined ? "--port" : data !== undefined ? "--data" : ephemeral ? "--ephemeral" : undefined;
    if (useless !== undefined)
      throw new InvalidConfig(`${useless} is for a server that is started here, but one is given.`);
    return { type: "given", connection: await connectionOf(shell, options), flags: connectionFlags(options) };
  }
  if (replicas > 1)
    throw new InvalidConfig("--replicas needs a cluster of NATS servers, and one server is started here.");
  if (ephemeral && data !== undefined)
    throw new InvalidConfig("--data keeps and --ephemeral does not: give one of them.");
  return { type: "embedded", port, data: ephemeral ? EPHEMERAL : data, onStep: tellSearch(shell) };
}

/** A context that is merely selected does not count: `up` must not start its work on a server that nobody named here. */
function isGiven({ env }: Shell, { server, context }: ConnectOptions): boolean {
  return [server, context, env.NATS_URL, env.NATS_CONTEXT].some(
    (value) => value !== undefined && value !== "",
  );
}

const CONNECTION_FLAGS = [
  "server",
  "context",
  "creds",
  "nkey",
  "user",
  "password",
  "tlsca",
  "tlscert",
  "tlskey",
] as const;

/** The same flags for the actors; what is in the environment they have anyway. */
function connectionFlags(options: ConnectOptions): string[] {
  return CONNECTION_FLAGS.flatMap((flag) => {
    const value = options[flag];
    return value === undefined ? [] : [`--${flag}`, value];
  });
}
