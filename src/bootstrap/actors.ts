/** The composition root: actors put together from their parts, started and stopped as one. */
import { Aggregator } from "../actors/aggregator/aggregator.ts";
import type { ActorContext } from "../actors/context.ts";
import { Dispatcher } from "../actors/dispatcher/dispatcher.ts";
import { publishEvents } from "../actors/event-stream.ts";
import { ExecExecutor, type ExecHandler } from "../actors/handlers/exec-executor.ts";
import type { HandlerLogEntry } from "../actors/handlers/handler.ts";
import type { HandlerSet } from "../actors/handlers/handler-set.ts";
import { MixedExecutor } from "../actors/handlers/mixed-executor.ts";
import { loadHandlers } from "../actors/handlers/registry.ts";
import type { AnyTask } from "../actors/handlers/task.ts";
import { report } from "../actors/report.ts";
import { ServiceAnswers } from "../actors/services.ts";
import { removeAbandonedSplits } from "../actors/worker/split-file.ts";
import { Worker } from "../actors/worker/worker.ts";
import type { ActorRole, Beat } from "../domain/fleet.ts";
import type { Service } from "../runtime/service.ts";
import { describeService } from "./descriptions.ts";
import type { Node } from "./node.ts";

/** What an actor is started with. */
export interface ActorOptions {
  /** Handler modules: the user's kinds and reducers. */
  handlers?: readonly string[];
  /** Tasks of this process, run on its event loop. */
  tasks?: readonly AnyTask[];
  /** Chunks that a worker runs at once. */
  slots?: number;
  /** Folder that handler modules are looked up from. */
  cwd?: string;
  /** Memory limit of a worker thread's old generation, in MB. */
  threadMemoryMb?: number;
  id?: string;
  /** A command that handles the items of one kind, instead of handler modules: of a worker. */
  exec?: ExecHandler;
}

/** What can be stopped, in two phases. */
export interface RunningActor {
  readonly id: string;
  readonly role: ActorRole;
  /** Takes nothing new, and ends when what it has begun is done. */
  stop(): Promise<void>;
  /** Ends at once; what it has begun runs elsewhere. */
  abort(): Promise<void>;
}

/**
 * Starts an actor on a node.
 * @throws HandlerModuleInvalid, and what the broker refuses
 *
 * @example
 * import { task } from "muster";
 * import { joinFleet, resolveConnection, startActor } from "muster/actors";
 *
 * const half = task("half", { run: (n: number) => n / 2 });
 *
 * const connection = await resolveConnection({ server: "nats://127.0.0.1:4222" }, process.env);
 * const node = await joinFleet({ connection });
 * const worker = await startActor(node, "worker", { tasks: [half], slots: 4 });
 * // …
 * await worker.stop();
 * await node.close();
 */
export async function startActor(
  node: Node,
  role: ActorRole,
  options: ActorOptions = {},
): Promise<RunningActor> {
  const context = node.context(role, options.id);
  const actor = await createActor(context, role, options);
  const answers = new ServiceAnswers(context, describeService(context, role, actor));
  const unpublish = publishEvents(context);
  const end = async (ending: () => Promise<void>) => {
    await answers.stop();
    await ending();
    unpublish();
    // Where the broker is away, what was still to be said is lost, as in a crash; the actor has ended all the same.
    await context.broker.flush().catch((error) => report(context, role, error));
  };
  try {
    await actor.start();
    await answers.start();
  } catch (error) {
    await end(() => actor.abort()).catch(() => {}); // Why it did not start says more.
    throw error;
  }
  return { id: context.id, role, stop: () => end(() => actor.stop()), abort: () => end(() => actor.abort()) };
}

type Actor = Service & { beat(): Beat };

async function createActor(context: ActorContext, role: ActorRole, options: ActorOptions): Promise<Actor> {
  if (role === "dispatcher") return new Dispatcher({ context });
  const { exec, slots = 1, cwd = process.cwd(), tasks = [] } = options;
  if (role === "worker") await removeAbandonedSplits();
  if (role === "worker" && exec !== undefined) return await createExecWorker(context, exec, options);
  const handlers = await loadHandlers([...(options.handlers ?? [])], { cwd, tasks });
  if (role === "aggregator") return new Aggregator({ context, handlers });
  return new Worker({ context, handlers, executor: mixedExecutor(context, handlers, options), slots });
}

function mixedExecutor(
  context: ActorContext,
  handlers: HandlerSet,
  { slots = 1, threadMemoryMb }: ActorOptions,
): MixedExecutor {
  return new MixedExecutor({
    handlers,
    slots,
    inlineSlots: slots,
    worker: context.id,
    ...(threadMemoryMb === undefined ? {} : { maxOldGenerationSizeMb: threadMemoryMb }),
    onLog: logOf(context),
    onFault: (message) =>
      context.events.emit("error.unexpected", { where: "handler threads", error: new Error(message) }),
  });
}

async function createExecWorker(
  context: ActorContext,
  handler: ExecHandler,
  { slots = 1, cwd = process.cwd() }: ActorOptions,
): Promise<Worker> {
  const options = { handler, slots, cwd, worker: context.id, onLog: logOf(context) };
  const executor = await ExecExecutor.start(options);
  return new Worker({ context, handlers: executor.handlers, executor, slots });
}

function logOf({ events }: ActorContext): (entry: HandlerLogEntry) => void {
  return ({ job, kind, index, level, message, fields }) =>
    events.emit("handler.log", { job, kind, index, level, message, fields });
}
