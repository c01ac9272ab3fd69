/** The composition root: actors put together from their parts, started and stopped as one. */
import { Aggregator } from "../actors/aggregator/aggregator.ts";
import type { ActorContext } from "../actors/context.ts";
import { Dispatcher } from "../actors/dispatcher/dispatcher.ts";
import { publishEvents } from "../actors/event-stream.ts";
import type { HandlerSet } from "../actors/handlers/handler-set.ts";
import { MixedExecutor } from "../actors/handlers/mixed-executor.ts";
import { loadHandlers } from "../actors/handlers/registry.ts";
import { ServiceAnswers } from "../actors/services.ts";
import { Worker } from "../actors/worker/worker.ts";
import type { ActorRole, Beat } from "../domain/fleet.ts";
import type { Service } from "../runtime/service.ts";
import { describeService } from "./descriptions.ts";
import type { Node } from "./node.ts";

export interface ActorOptions {
  /** Handler modules: the user's kinds and reducers. */
  handlers?: readonly string[];
  /** Chunks that a worker runs at once. */
  slots?: number;
  /** Folder that handler modules are looked up from. */
  cwd?: string;
  /** Memory limit of a worker thread's old generation, in MB. */
  threadMemoryMb?: number;
  id?: string;
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

/** Starts an actor on a node. @throws HandlerModuleInvalid and whatever the broker refuses */
export async function startActor(
  node: Node,
  role: ActorRole,
  options: ActorOptions = {},
): Promise<RunningActor> {
  const context = node.context(role, options.id);
  const handlers = await loadHandlers([...(options.handlers ?? [])], { cwd: options.cwd ?? process.cwd() });
  const actor = createActor(context, role, { ...options, handlers });
  const answers = new ServiceAnswers(context, describeService(context, role, actor));
  const unpublish = publishEvents(context);
  await actor.start();
  await answers.start();
  const end = async (ending: () => Promise<void>) => {
    await answers.stop();
    await ending();
    unpublish();
    await context.broker.flush();
  };
  return { id: context.id, role, stop: () => end(() => actor.stop()), abort: () => end(() => actor.abort()) };
}

type Actor = Service & { beat(): Beat };
type LoadedOptions = Omit<ActorOptions, "handlers"> & { handlers: HandlerSet };

function createActor(context: ActorContext, role: ActorRole, options: LoadedOptions): Actor {
  switch (role) {
    case "dispatcher":
      return new Dispatcher({ context });
    case "aggregator":
      return new Aggregator({ context, handlers: options.handlers });
    case "worker":
      return createWorker(context, options);
  }
}

function createWorker(context: ActorContext, { handlers, slots = 1, threadMemoryMb }: LoadedOptions): Worker {
  const { id, events } = context;
  const executor = new MixedExecutor({
    handlers,
    slots,
    inlineSlots: slots,
    worker: id,
    ...(threadMemoryMb === undefined ? {} : { maxOldGenerationSizeMb: threadMemoryMb }),
    onLog: ({ job, kind, index, level, message, fields }) =>
      events.emit("handler.log", { job, kind, index, level, message, fields }),
  });
  return new Worker({ context, handlers, executor, slots });
}
