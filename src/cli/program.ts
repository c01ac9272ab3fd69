/** The command line as a whole: its commands, and what is the same for all of them. */
import { Command, CommanderError } from "commander";
import { VERSION } from "../bootstrap/version.ts";
import { registerActorCommands } from "./actors/commands.ts";
import { registerUpCommand } from "./actors/up.ts";
import { registerBenchCommand } from "./bench/command.ts";
import { registerBrokerCommands } from "./broker.ts";
import { registerClientCommands } from "./client/index.ts";
import { registerDemoCommand } from "./demo/command.ts";
import { registerDoctorCommand } from "./doctor/command.ts";
import { EXIT, exitCodeOf } from "./exit.ts";
import { registerInitCommand } from "./init/command.ts";
import { renderError, renderUsageError } from "./render/errors.ts";
import type { Shell } from "./shell.ts";
import { registerVersionCommand } from "./version.ts";

const EXAMPLE = `
Examples:
  $ muster up                                      a server and all actors, here
  $ muster map double '[1,2,3,4,5]'                a job, and its result
  $ muster map primes --range 1:1000 --reduce sum  the same, over a range

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no broker, 4 timed out, 5 cancelled, 6 permission denied, 130/143 by signal.
`;

/** Puts the commands together. Settings come before the commands: each copies them when it is made. */
export function createProgram(shell: Shell): Command {
  const program = new Command("muster")
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
  program.commandsGroup("Actors:");
  registerUpCommand(program, shell);
  registerActorCommands(program, shell);
  registerDemoCommand(program, shell);
  program.commandsGroup("Jobs:");
  registerClientCommands(program, shell);
  program.commandsGroup("The broker, and this installation:");
  registerInitCommand(program, shell);
  registerBrokerCommands(program, shell);
  registerDoctorCommand(program, shell);
  registerBenchCommand(program, shell);
  registerVersionCommand(program, shell);
  return program;
}

/** Runs a command line; resolves with the exit code and never rejects. Errors are shown on the shell's stderr. */
export async function runProgram(args: readonly string[], shell: Shell): Promise<number> {
  const program = createProgram(shell);
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
