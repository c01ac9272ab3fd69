/**
 * Handlers in any language: a command that reads an item's JSON as a line from standard input, and writes the output's JSON
 * as a line to standard output.
 */
import type { PassResult } from "../../domain/pass.ts";
import { HandlerFailed, InvalidOutput } from "../../errors.ts";
import { checkToken } from "../../protocol/names.ts";
import type { MaybePromise } from "../../runtime/maybe.ts";
import { ExecPool } from "./exec-pool.ts";
import { fail, type HandlerContext, type HandlerLogEntry, retryAfter } from "./handler.ts";
import { HandlerSet } from "./handler-set.ts";
import { InlineExecutor } from "./inline-executor.ts";
import type { Executor, PassRequest } from "./pass.ts";

/** The command that stands for a kind's handler. */
export interface ExecHandler {
  kind: string;
  command: string;
  args: readonly string[];
  /** What the command sees of the environment, `MUSTER_KIND` and `MUSTER_WORKER` apart. */
  env: Readonly<Record<string, string | undefined>>;
  /**
   * Lines are envelopes: `{"item":…,"job":…,"index":…,"attempt":…}` in, and out `{"output":…}` or
   * `{"error":"…","permanent":true,"retryAfter":500}`. @default false: lines are items and outputs
   */
  envelope?: boolean;
}

export interface ExecOptions {
  handler: ExecHandler;
  /** Processes, and so items, at once. */
  slots: number;
  worker: string;
  cwd: string;
  onLog(entry: HandlerLogEntry): void;
}

/** Runs items in processes of a user's command: one item at a time a process, one process a slot. */
export class ExecExecutor implements Executor {
  readonly slots: number;
  /** The one kind that it serves. */
  readonly handlers: HandlerSet;
  readonly #pool: ExecPool;
  readonly #inline: InlineExecutor;

  private constructor(options: ExecOptions, pool: ExecPool) {
    this.slots = options.slots;
    this.#pool = pool;
    this.handlers = handlersOf(options.handler, pool);
    this.#inline = new InlineExecutor({ ...options, handlers: this.handlers });
  }

  /** @throws InvalidName, or InvalidConfig when the command cannot be started */
  static async start(options: ExecOptions): Promise<ExecExecutor> {
    const { handler, worker, cwd, onLog } = options;
    const { kind, command, args, env } = handler;
    checkToken("kind", kind);
    // Before the first item there is none to tell of: index -1.
    const idle = { level: "info", job: "", kind, index: -1, attempt: 0, worker } as const;
    const pool = new ExecPool({
      command,
      args,
      cwd,
      env: { ...env, MUSTER_KIND: kind, MUSTER_WORKER: worker },
      onLog: (message) => onLog({ ...idle, message }),
    });
    await pool.warm();
    return new ExecExecutor(options, pool);
  }

  run(request: PassRequest, signal: AbortSignal): MaybePromise<PassResult> {
    return this.#inline.run(request, signal);
  }

  async close(): Promise<void> {
    await this.#inline.close();
    await this.#pool.close();
  }
}

/** The command as a handler that waits for its process. */
function handlersOf({ kind, command, envelope = false }: ExecHandler, pool: ExecPool): HandlerSet {
  const fn = async (item: unknown, ctx: HandlerContext) => {
    const answer = await pool.ask({
      line: JSON.stringify(envelope ? enveloped(item, ctx) : item),
      signal: ctx.signal,
      onLog: (line) => ctx.log.info(line),
    });
    return envelope ? opened(answer) : answer;
  };
  return new HandlerSet({
    files: [],
    overrides: [],
    handlers: [{ kind, fn, inline: true, source: command }],
  });
}

function enveloped(item: unknown, { job, kind, index, attempt }: HandlerContext): object {
  return { item, job, kind, index, attempt };
}

/** The output in an envelope. @throws the failure in it, or InvalidOutput where it holds neither */
function opened(envelope: unknown): unknown {
  if (typeof envelope === "object" && envelope !== null) {
    if ("error" in envelope) throw failureIn({ ...envelope });
    if ("output" in envelope) return envelope.output;
  }
  throw new InvalidOutput("its envelope has neither an output nor an error.");
}

/** Where it says nothing more, it is tried again by the job's own backoff. */
function failureIn({ error, permanent, retryAfter: ms }: Record<string, unknown>): Error {
  const text = typeof error === "string" ? error : JSON.stringify(error);
  if (permanent === true) return fail(text);
  return typeof ms === "number" ? retryAfter(ms, text) : new HandlerFailed(text);
}
