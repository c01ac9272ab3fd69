/** What each actor says of itself as a NATS service. */
import type { ActorContext } from "../actors/context.ts";
import type { EndpointStats, ServiceDescription } from "../actors/services.ts";
import type { ActorRole, Beat } from "../domain/fleet.ts";
import { JOB_VERBS, SUBMISSION_VERBS } from "../protocol/names.ts";

const DESCRIPTIONS: Record<ActorRole, string> = {
  dispatcher: "Takes jobs and lets out their tasks",
  worker: "Runs tasks",
  aggregator: "Gathers results into outcomes",
};

export function describeService(
  context: ActorContext,
  role: ActorRole,
  actor: { beat(): Beat },
): ServiceDescription {
  const endpoints = endpointsOf(context, role, actor.beat());
  const stats = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
  count(context, role, stats);
  const { kinds = [], slots } = actor.beat();
  const metadata: Record<string, string> = { host: context.host, pid: String(context.pid) };
  if (slots !== undefined) metadata.slots = String(slots);
  if (kinds.length > 0) metadata.kinds = kinds.join(",");
  return {
    name: `muster-${role}`,
    description: DESCRIPTIONS[role],
    metadata,
    endpoints: () => [...stats.values()],
  };
}

function endpointsOf({ names }: ActorContext, role: ActorRole, { kinds = [] }: Beat): EndpointStats[] {
  const blank = { requests: 0, errors: 0, lastError: "", processingMs: 0 };
  if (role === "worker")
    return kinds.map((kind) => ({ name: kind, subject: names.taskFilter(kind, "normal"), ...blank }));
  if (role === "aggregator") return [{ name: "results", subject: `${names.prefix}.results.*.*`, ...blank }];
  return [
    ...SUBMISSION_VERBS.map((verb) => ({ name: verb, subject: names.submission(verb, "*"), ...blank })),
    ...JOB_VERBS.map((verb) => ({ name: `job-${verb}`, subject: names.jobVerb(verb), ...blank })),
  ];
}

/** Workers count items by kind; the other roles count what passes through them. */
function count({ events }: ActorContext, role: ActorRole, stats: Map<string, EndpointStats>): void {
  if (role !== "worker") return;
  events.on("chunk.done", ({ kind, count: items, failed, handlerMs }) => {
    const endpoint = stats.get(kind);
    if (endpoint === undefined) return;
    endpoint.requests += items;
    endpoint.errors += failed;
    endpoint.processingMs += handlerMs;
  });
  events.on("item.dead", ({ kind, code, message }) => {
    const endpoint = stats.get(kind);
    if (endpoint !== undefined) endpoint.lastError = `${code}: ${message}`;
  });
}
