/** One actor as a process: from joining the fleet to its exit code. */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { ActorRole } from "../domain/fleet.ts";
import { BrokerUnreachable, MusterError, toMusterError } from "../errors.ts";
import { systemClock } from "../runtime/clock.ts";
import { logEvents } from "../telemetry/log.ts";
import { type ActorOptions, type RunningActor, startActor } from "./actors.ts";
import { type ChildMessage, failedMessage, type ParentMessage, ToldParent } from "./kinship.ts";
import { joinFleet, type Node, type NodeOptions } from "./node.ts";
import { exitCodeOfSignal, onStopSignals } from "./signals.ts";

export interface ActorProcess {
  role: ActorRole;
  fleet: NodeOptions;
  actor: ActorOptions;
  logger: Logger;
  /** How long to wait for a broker that is not there yet, in ms. @default 0 */
  waitMs?: number;
}

/** How long ending may take once it must be at once, in ms: a broker that is gone must not hold up the exit. */
const ABORT_LIMIT_MS = 5_000;
/** How long an actor whose parent died may still work, in ms; the parent's nats-server is going down meanwhile. */
const ORPHAN_LIMIT_MS = 1_500;
const CLOSE_LIMIT_MS = 1_000;
const LOOK_AGAIN_MS = 500;

/** An actor that did not get as far as taking part. */
class NotStarted extends Error {
  constructor(cause: unknown) {
    super("the actor did not start", { cause });
  }
}

/**
 * Starts an actor and lives as it until it is told to stop; resolves with the exit code. Where the broker is away, or goes away
 * meanwhile, it starts again from the beginning.
 * @throws whatever keeps it from starting (as ToldParent where a parent was told of it), and BrokerUnreachable when the
 * connection is closed for good
 */
export async function runAsProcess(plan: ActorProcess): Promise<number> {
  const deadline = systemClock.now() + (plan.waitMs ?? 0);
  for (;;) {
    try {
      return await startAndLive(plan);
    } catch (error) {
      if (!(error instanceof NotStarted)) throw error;
      const isLate = systemClock.now() + LOOK_AGAIN_MS >= deadline;
      if (isLate || isOrphan() || !isPassing(error.cause)) tellAndThrow(error.cause);
      await delay(LOOK_AGAIN_MS);
    }
  }
}

/** The broker is not there yet, has not agreed on its leaders yet, or has no room just now. */
function isPassing(error: unknown): boolean {
  return error instanceof MusterError && PASSING.has(error.code);
}

const PASSING = new Set([
  "broker_unreachable",
  "jetstream_unavailable",
  "request_failed",
  "write_unknown",
  "storage_full",
]);

/** @throws NotStarted, and BrokerUnreachable */
async function startAndLive(plan: ActorProcess): Promise<number> {
  const node = await joinFleet(plan.fleet).catch(asNotStarted);
  const endLog = logEvents(node.events, plan.logger);
  try {
    return await lifeOf(startActor(node, plan.role, plan.actor).catch(asNotStarted), node, plan);
  } finally {
    endLog();
    await within(CLOSE_LIMIT_MS, node.close());
  }
}

function asNotStarted(error: unknown): never {
  throw new NotStarted(error);
}

/** Ends the actor, within a time, with an exit code. */
type Abort = (code: number, limitMs: number) => void;

/**
 * Resolves with the exit code when the actor has ended, for whatever reason. Signals are heard from the beginning: an actor
 * may have taken work before its start is over, and must give it back.
 */
function lifeOf(starting: Promise<RunningActor>, node: Node, plan: ActorProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let code = 0;
    let isWished = false;
    const stop = () => {
      isWished = true;
      return starting.then((actor) => actor.stop());
    };
    const abort: Abort = (wanted, limitMs) => {
      isWished = true;
      code = wanted;
      // Within a limit: a broker that is gone answers neither the stop nor the abort.
      const aborted = starting.then((actor) => actor.abort());
      within(limitMs, aborted).then(() => resolve(code), reject);
    };
    const deafen = onStopSignals({
      stop: () => void stop().then(() => resolve(code), reject),
      abort: (signal) => abort(exitCodeOfSignal(signal), ABORT_LIMIT_MS),
    });
    const leaveParent = onParent(plan.logger, stop, abort);
    onClosed(node, () =>
      reject(new BrokerUnreachable(plan.fleet.connection.label, "the connection was closed for good.")),
    );
    starting.then(
      ({ id }) => tellParent({ type: "ready", id }),
      (error) => {
        deafen();
        leaveParent();
        if (isWished) resolve(code);
        else reject(error);
      },
    );
  });
}

function onClosed({ events }: Node, closed: () => void): void {
  events.on("broker.status", ({ status }) => {
    if (status === "closed") closed();
  });
}

/**
 * A parent that is gone needs no actor: what it has begun gets a moment, then it ends. Listens until the returned function is
 * called.
 */
function onParent(logger: Logger, stop: () => Promise<void>, abort: Abort): () => void {
  if (process.send === undefined) return () => {};
  const ended = 1;
  const onMessage = ({ type }: ParentMessage) => {
    if (type === "abort") abort(ended, ABORT_LIMIT_MS);
  };
  const onDisconnect = () => {
    logger.warn("the process that started this actor is gone: it ends, too");
    void within(ORPHAN_LIMIT_MS, stop()).then(() => abort(ended, ORPHAN_LIMIT_MS));
  };
  process.on("message", onMessage);
  process.once("disconnect", onDisconnect);
  return () => {
    process.off("message", onMessage);
    process.off("disconnect", onDisconnect);
  };
}

function isOrphan(): boolean {
  return process.send !== undefined && !process.connected;
}

function tellAndThrow(error: unknown): never {
  if (!process.connected) throw error;
  tellParent(failedMessage(toMusterError(error)));
  throw new ToldParent(error);
}

function tellParent(message: ChildMessage): void {
  if (process.connected) process.send?.(message);
}

/** Settles with `work`, or resolves after `ms` when it is not done. */
function within(ms: number, work: Promise<void>): Promise<void> {
  return Promise.race([work, delay(ms, undefined, { ref: false })]);
}
