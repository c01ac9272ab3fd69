/** One process that handles items: a line of JSON in, a line of JSON out. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { HandlerCrashed, InvalidConfig, messageOf } from "../../errors.ts";
import { LineCutter } from "../../protocol/records/lines.ts";
import type { RawRecord } from "../../protocol/records/record.ts";
import { systemClock } from "../../runtime/clock.ts";

/** How to start a process. */
export interface ExecPlan {
  command: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** A line that the process wrote to its standard error. */
  onLog(line: string): void;
}

/** Bytes of an output's line, and of a line of the log, beyond which it is not held. */
const MAX_ANSWER = 64 * 1024 * 1024;
const MAX_LOG = 16 * 1024;
/** Milliseconds that a process gets to end by itself once its standard input is closed. */
const END_GRACE = 2_000;
/** Characters of a line that an error shows. */
const SHOWN = 80;

interface Asked {
  resolve(answer: string): void;
  reject(error: Error): void;
}

/** Asked for one line at a time. */
export class ExecProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers = new LineCutter(MAX_ANSWER);
  readonly #closed: Promise<unknown>;
  #asked: Asked | undefined;
  #answered = 0;
  /** Why it is gone, or going. */
  #end: HandlerCrashed | undefined;
  #isPeaceful = false;

  private constructor(child: ChildProcessWithoutNullStreams, plan: ExecPlan) {
    this.#child = child;
    this.#closed = once(child, "close").then(([code, signal]) => this.#onClose(code, signal));
    child.stdout.on("data", (data: Buffer) => this.#take(this.#answers.push(data)));
    child.stdin.on("error", () => {}); // It ended: the close says so, too.
    passLines(child.stderr, plan.onLog);
  }

  /** @throws InvalidConfig when the command cannot be started */
  static async start(plan: ExecPlan): Promise<ExecProcess> {
    const { command, args, cwd } = plan;
    // In a group of its own Ctrl+C does not reach it, and it is killed with all that it started.
    const child = spawn(command, [...args], { cwd, env: { ...plan.env }, stdio: "pipe", detached: true });
    try {
      await once(child, "spawn");
    } catch (cause) {
      throw new InvalidConfig(`"${command}" cannot be started: ${messageOf(cause)}.`, { cause });
    }
    return new ExecProcess(child, plan);
  }

  get isGone(): boolean {
    return this.#end !== undefined;
  }

  /** Whether it ended by itself, without a fault, after it had answered: it may not have seen what it was asked last. */
  get endedInPeace(): boolean {
    return this.#isPeaceful;
  }

  /** The line that it answers. @throws HandlerCrashed when it ends, or is out of step */
  ask(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(this.#end);
      this.#asked = { resolve, reject };
      this.#child.stdin.write(`${line}\n`);
    });
  }

  /** Ends it at once, with all that it started; returns the error that it ends with. */
  kill(reason: string): HandlerCrashed {
    const end = this.#fail(new HandlerCrashed(reason, { what: "process" }));
    const { pid } = this.#child;
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    } catch {
      // It is gone already.
    }
    return end;
  }

  /** Lets it end by itself; one that does not is killed. */
  async close(): Promise<void> {
    this.#end ??= new HandlerCrashed("its worker is closing.", { what: "process" });
    this.#child.stdin.end();
    const timer = systemClock.after(END_GRACE, () => this.kill("its worker is closing."));
    await this.#closed;
    timer.cancel();
  }

  #take(lines: readonly RawRecord[]): void {
    for (const { bytes } of lines) this.#onAnswer(bytes);
  }

  #onAnswer(bytes: Buffer | undefined): void {
    const asked = this.#asked;
    const line = bytes?.toString("utf8");
    if (line === undefined) this.kill(`it wrote a line of more than ${MAX_ANSWER} bytes.`);
    else if (asked === undefined)
      this.kill(`it wrote a line that was not asked for: ${line.slice(0, SHOWN)}`);
    else {
      this.#asked = undefined;
      this.#answered++;
      asked.resolve(line);
    }
  }

  #onClose(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#end === undefined) this.#take(this.#answers.end());
    this.#isPeaceful = code === 0 && this.#answered > 0 && this.#end === undefined;
    const how = signal === null ? `it exited with code ${code}.` : `it was ended by ${signal}.`;
    this.#fail(new HandlerCrashed(how, { what: "process" }));
  }

  #fail(error: HandlerCrashed): HandlerCrashed {
    this.#end ??= error;
    this.#asked?.reject(this.#end);
    this.#asked = undefined;
    return this.#end;
  }
}

function passLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  const cutter = new LineCutter(MAX_LOG);
  const pass = (lines: readonly RawRecord[]) => {
    for (const { bytes } of lines) onLine(bytes?.toString("utf8") ?? "(a line too long to show)");
  };
  stream.on("data", (data: Buffer) => pass(cutter.push(data)));
  stream.on("end", () => pass(cutter.end()));
}
