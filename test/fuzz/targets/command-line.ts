/** Command lines, through the program that reads them; nothing is run. */
import { PassThrough, Writable } from "node:stream";
import { type Command, CommanderError } from "commander";
import fc from "fast-check";
import { type JobFlags, jobOptionsOf } from "../../../src/cli/client/job-options.ts";
import { createProgram } from "../../../src/cli/program.ts";
import type { Input, Target } from "../target.ts";
import { mustHold, textOf } from "../target.ts";

const LINES: readonly (readonly string[])[] = [
  ["map", "double", "[1,2,3]", "--reduce", "sum", "--chunk", "5"],
  ["map", "double", "--range", "1:1000", "--on-error", "continue", "--deadline", "10m"],
  ["map", "k", "logs/*.txt", "--lines", "--out", "x", "--max-attempts", "3"],
  ["submit", "k", "[1]", "--priority", "high", "--delay", "5m", "--key", "a"],
  ["result", "job-1", "--wait"],
  ["status", "--json"],
  ["watch", "job-1", "--prefix", "x"],
  ["cancel", "job-1"],
  ["dead", "redrive", "job-1", "--backoff", "1s"],
  ["worker", "--slots", "4", "--handlers", "x.ts", "--server", "nats://h:1"],
  ["worker", "exec", "--kind", "k", "--", "cat", "-u"],
  ["up", "--port", "-1", "--storage", "memory", "--lease", "3s"],
  ["broker", "path"],
  ["bench", "throughput", "--json"],
  ["--version"],
  ["help", "map"],
];

let program: Command | undefined;
/** What was written, and the command whose action would have been run with its options. */
let written = "";
let chosen: JobFlags | undefined;

async function loaded(): Promise<Command> {
  const sink = new Writable({ write: (_chunk, _encoding, done) => done() }) as Writable as NodeJS.WriteStream;
  const stdin = new PassThrough() as NodeJS.ReadableStream as NodeJS.ReadStream;
  const made = await createProgram({ env: {}, cwd: "/", stdin, stdout: sink, stderr: sink, exitCode: 0 });
  disarm(made);
  return made;
}

/** In the place of whatever a command does. */
function disarm(command: Command): void {
  command.configureOutput({ writeOut: note, writeErr: note });
  if (command.parent !== null)
    command.action((...given) => {
      chosen = given.at(-2);
    });
  for (const each of command.commands) disarm(each);
}

function note(text: string): void {
  written += text;
}

const commandLine: Target = {
  name: "command-line",
  corpus: fc
    .constantFrom(...LINES)
    .map((args): Input => Object.fromEntries(args.map((arg, at) => [String(at).padStart(2, "0"), arg]))),
  async check(input) {
    program ??= await loaded();
    written = "";
    chosen = undefined;
    const args = Object.values(input).map((part) => textOf(part).replaceAll("\0", ""));
    try {
      await program.parseAsync(args, { from: "user" });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      mustHold(error.exitCode === 0 || /^muster: |Usage: /m.test(written), "refused without a word");
      return;
    }
    if (chosen !== undefined) jobOptionsOf(chosen);
  },
};

export const COMMAND_LINE: readonly Target[] = [commandLine];
