/** The command line as a whole: its commands, and what is the same for all of them. */
import { Command, CommanderError } from "commander";
import { VERSION } from "../bootstrap/version.ts";
import { EXIT, exitCodeOf } from "./exit.ts";
import { renderError, renderUsageError } from "./render/errors.ts";
import type { Shell } from "./shell.ts";

const EXAMPLE = `
Examples:
  $ muster up                                      a server and all actors, here
  $ muster map double '[1,2,3,4,5]'                a job, and its result
  $ muster map primes --range 1:1000 --reduce sum  the same, over a range

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no broker, 4 timed out, 5 cancelled, 6 permission denied, 130/143 by signal.
`;

/** Commands whose code is loaded together. */
interface CommandGroup {
  readonly heading: string;
  readonly commands: readonly string[];
  register(program: Command, shell: Shell): Promise<void>;
}

const ACTORS = "Actors:";
const JOBS = "Jobs:";
const INSTALLATION = "Projects, the broker, and this installation:";

/** In the order of the help. */
const GROUPS: readonly CommandGroup[] = [
  {
    heading: ACTORS,
    commands: ["up"],
    register: async (...to) => (await import("./actors/up.ts")).registerUpCommand(...to),
  },
  {
    heading: ACTORS,
    commands: ["dispatcher", "worker", "aggregator"],
    register: async (...to) => (await import("./actors/commands.ts")).registerActorCommands(...to),
  },
  {
    heading: ACTORS,
    commands: ["demo"],
    register: async (...to) => (await import("./demo/command.ts")).registerDemoCommand(...to),
  },
  {
    heading: JOBS,
    commands: ["map", "run", "submit", "result", "status", "watch", "cancel", "workers", "dead"],
    register: async (...to) => (await import("./client/index.ts")).registerClientCommands(...to),
  },
  {
    heading: INSTALLATION,
    commands: ["init"],
    register: async (...to) => (await import("./init/command.ts")).registerInitCommand(...to),
  },
  {
    heading: INSTALLATION,
    commands: ["broker"],
    register: async (...to) => (await import("./broker.ts")).registerBrokerCommands(...to),
  },
  {
    heading: INSTALLATION,
    commands: ["doctor"],
    register: async (...to) => (await import("./doctor/command.ts")).registerDoctorCommand(...to),
  },
  {
    heading: INSTALLATION,
    commands: ["bench"],
    register: async (...to) => (await import("./bench/command.ts")).registerBenchCommand(...to),
  },
  {
    heading: INSTALLATION,
    commands: ["version"],
    register: async (...to) => (await import("./version.ts")).registerVersionCommand(...to),
  },
];

/**
 * The program with the command that is named, or with all of them where none is: loading what is not asked for would
 * double the time that a worker takes to start.
 */
export async function createProgram(shell: Shell, name?: string): Promise<Command> {
  const program = emptyProgram(shell);
  const named = GROUPS.filter(({ commands }) => name !== undefined && commands.includes(name));
  for (const { heading, register } of named.length > 0 ? named : GROUPS) {
    program.commandsGroup(heading);
    await register(program, shell);
  }
  return program;
}

/** Settings come before the commands: each copies them when it is made. */
function emptyProgram(shell: Shell): Command {
  return new Command("muster")
    .description("A durable scatter-gather engine on NATS.")
    .version(VERSION, "-V, --version", "print the version")
    .option("--verbose", "show where an error came from (MUSTER_DEBUG)")
    .addHelpText("after", EXAMPLE)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void shell.stdout.write(text),
      writeErr: (text) => void shell.stderr.write(text),
      outputError: (text, write) => write(renderUsageError(text)),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
}

/** Runs a command line; resolves with the exit code and never rejects. Errors are shown on the shell's stderr. */
export async function runProgram(args: readonly string[], shell: Shell): Promise<number> {
  const program = await createProgram(shell, args[0]);
  try {
    await program.parseAsync(args, { from: "user" });
    return shell.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    shell.stderr.write(renderError(error, { verbose: isVerbose(program, shell) }));
    return exitCodeOf(error);
  }
}

function isVerbose(program: Command, { env }: Shell): boolean {
  return program.opts().verbose === true || (env.MUSTER_DEBUG ?? "") !== "";
}
