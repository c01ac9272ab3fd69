/** Commands run in this process, with streams that are kept; and as a process of their own, where signals matter. */
import { spawn } from "node:child_process";
import { PassThrough, Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { EXIT } from "../../src/cli/exit.ts";
import { createProgram, runProgram } from "../../src/cli/program.ts";
import type { Shell } from "../../src/cli/shell.ts";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A stream whose text is kept. */
export class Captured extends Writable {
  readonly isTTY: boolean;
  text = "";
  readonly #waiting = new Set<() => void>();
  readonly #decoder = new StringDecoder("utf8");

  constructor({ isTTY = false }: { isTTY?: boolean } = {}) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string | Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.text += typeof chunk === "string" ? chunk : this.#decoder.write(Buffer.from(chunk));
    for (const look of [...this.#waiting]) look();
    done();
  }

  /** Resolves once the text matches. */
  until(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!pattern.test(this.text)) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  // What a terminal has besides, and the progress bar uses.
  cursorTo(): boolean {
    return true;
  }
  clearLine(): boolean {
    return true;
  }
  moveCursor(): boolean {
    return true;
  }
}

/** What a command is given of the world. */
export interface CliWorld {
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  stdin?: string;
  /** More may come on standard input, though it never does. */
  keepStdin?: boolean;
  stdout?: Captured;
  stderr?: Captured;
}

export interface CliEnd {
  code: number | null;
  stdout: string;
  stderr: string;
}

function shellOf(world: CliWorld, stdout: Captured, stderr: Captured): Shell {
  const stdin = new PassThrough();
  stdin.write(world.stdin ?? "");
  if (world.keepStdin !== true) stdin.end();
  return {
    env: { HOME: "/nonexistent", ...world.env },
    cwd: world.cwd ?? process.cwd(),
    stdin: stdin as NodeJS.ReadableStream as NodeJS.ReadStream,
    stdout: stdout as Writable as NodeJS.WriteStream,
    stderr: stderr as Writable as NodeJS.WriteStream,
    exitCode: EXIT.done,
  };
}

/** The whole command line, to look at. */
export function commandTree(): Promise<Command> {
  return createProgram(shellOf({}, new Captured(), new Captured()));
}

/** Runs a command in this process. */
export async function cli(args: readonly string[], world: CliWorld = {}): Promise<CliEnd> {
  const { stdout = new Captured(), stderr = new Captured() } = world;
  const code = await runProgram(args, shellOf(world, stdout, stderr));
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** A command as a process of its own, from the built command line. */
export interface CliProcess {
  readonly stdout: Captured;
  readonly stderr: Captured;
  readonly ended: Promise<CliEnd>;
  kill(signal: NodeJS.Signals): void;
}

export function cliProcess(args: readonly string[], url: string): CliProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, HOME: "/nonexistent", NATS_URL: url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout = new Captured();
  const stderr = new Captured();
  child.stdout.pipe(stdout);
  child.stderr.pipe(stderr);
  const ended = new Promise<CliEnd>((resolve) => {
    child.once("close", (code) => resolve({ code, stdout: stdout.text, stderr: stderr.text }));
  });
  return { stdout, stderr, ended, kill: (signal) => void child.kill(signal) };
}
