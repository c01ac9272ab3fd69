/** The entry of a worker thread: loads the handler modules once, then runs passes. */
import { BroadcastChannel, parentPort, workerData } from "node:worker_threads";
import { toMusterError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { Beacon } from "./beacon.ts";
import type { HandlerLogEntry } from "./handler.ts";
import type { HandlerSet } from "./handler-set.ts";
import { loadHandlers } from "./registry.ts";
import { type PassHooks, runPass } from "./run-pass.ts";
import type { AbortCall, ThreadData, ThreadReply, ThreadTask } from "./thread-words.ts";

const { files, cwd, worker, channel }: ThreadData = workerData;

const loading = loadHandlers(files, { cwd });
loading.catch(() => {});
let loaded: HandlerSet | undefined;

const aborts = new Map<number, AbortController>();
const calls = new BroadcastChannel(channel);
calls.onmessage = (event) => {
  const { abort }: AbortCall = (event as { data: AbortCall }).data;
  aborts.get(abort)?.abort(new Error("The job's work here was aborted."));
};

/** Runs one pass; what goes wrong with it as a whole is in the reply. */
export async function pass(task: ThreadTask): Promise<ThreadReply> {
  try {
    loaded ??= await loading;
    return { ok: true, result: await runTask(task, loaded) };
  } catch (error) {
    const { code, status, message } = toMusterError(error);
    return { ok: false, error: { code, status, message } };
  }
}

/** Resolves once the handler modules are loaded, or have failed to. */
export async function ready(): Promise<void> {
  await loading.catch(() => {});
}

async function runTask({ number, request, memory }: ThreadTask, handlers: HandlerSet) {
  const controller = new AbortController();
  aborts.set(number, controller);
  try {
    return await runPass(request, handlers, hooksOf(new Beacon(memory), controller));
  } finally {
    aborts.delete(number);
  }
}

/** The call to abort may have come before the pass, so the beacon is looked at first. */
function hooksOf(beacon: Beacon, controller: AbortController): PassHooks {
  if (beacon.stopped) controller.abort(new Error("The job's work here was aborted."));
  return {
    worker,
    clock: systemClock,
    signal: controller.signal,
    stopped: () => beacon.stopped,
    began: (offset) => beacon.begin(offset),
    ended: () => beacon.end(),
    log,
  };
}

function log(entry: HandlerLogEntry): void {
  try {
    parentPort?.postMessage({ musterLog: entry });
  } catch {
    const { fields: _, ...rest } = entry;
    parentPort?.postMessage({
      musterLog: { ...rest, fields: { fields: "could not be copied out of the thread" } },
    });
  }
}
