/** Checks of the broker and of the fleet on it; nothing is created or changed. */
import type { ConnectionSettings } from "../../bootstrap/connection.ts";
import { settingsInForce } from "../../bootstrap/settings.ts";
import { connectJetStream } from "../../broker/jetstream/index.ts";
import type { Broker } from "../../broker/port.ts";
import { toMusterError } from "../../errors.ts";
import { type Names, STREAM_ROLES } from "../../protocol/names.ts";
import { systemClock } from "../../runtime/clock.ts";
import { type Finding, ok, warn } from "./finding.ts";

/** How long to listen for actors, in ms; more when answers still come. */
const LISTEN_MS = 400;
const UP = 'Start some with "muster up", or "muster dispatcher", "muster worker" and "muster aggregator".';

export async function checkFleet(connection: ConnectionSettings, names: Names): Promise<Finding[]> {
  let broker: Broker;
  const begun = systemClock.now();
  try {
    broker = await connect(connection);
  } catch (error) {
    return [failed("connection", error)];
  }
  try {
    const took = systemClock.now() - begun;
    const connected = ok(
      "connection",
      `${connection.label} (from ${SOURCES[connection.source]}), in ${took} ms`,
    );
    return [connected, ok("jetstream", "on, and new enough"), ...(await checkContents(broker, names))];
  } finally {
    await broker.close();
  }
}

const SOURCES: Record<ConnectionSettings["source"], string> = {
  flag: "--server",
  env: "NATS_URL",
  context: "the context",
  default: "the default",
};

function connect({ servers, options, jetstreamDomain, inboxPrefix }: ConnectionSettings): Promise<Broker> {
  return connectJetStream({ servers, options, domain: jetstreamDomain, inboxPrefix });
}

async function checkContents(broker: Broker, names: Names): Promise<Finding[]> {
  const denials: string[] = [];
  broker.onStatus((status) => {
    if (status.type === "denied") denials.push(`${status.operation} ${status.subject}`);
  });
  const findings = [await checkStreams(broker, names), await checkActors(broker)];
  return [...findings, permissions(denials)];
}

async function checkStreams(broker: Broker, names: Names): Promise<Finding> {
  const missing: string[] = [];
  for (const role of STREAM_ROLES) {
    const stream = names.stream(role);
    try {
      await broker.streamState(stream);
    } catch (error) {
      if (!isNotThere(error)) return failed("streams", error);
      missing.push(stream);
    }
  }
  if (missing.length === STREAM_ROLES.length)
    return warn("streams", "none yet", "The first actor makes them.");
  if (missing.length > 0)
    return warn("streams", `${missing.join(", ")} not there`, "The next actor that starts makes them.");
  return await checkReplicas(broker, names);
}

/** The server's code for a stream that is not there. */
const NO_STREAM = 10059;

function isNotThere(error: unknown): boolean {
  return (
    typeof error === "object" && error !== null && "brokerCode" in error && error.brokerCode === NO_STREAM
  );
}

async function checkReplicas(broker: Broker, names: Names): Promise<Finding> {
  const settings = await settingsInForce({ broker, names }).catch(() => undefined);
  if (settings === undefined) return ok("streams", `all ${STREAM_ROLES.length} there`);
  const { replicas, storage } = settings;
  const text = `all ${STREAM_ROLES.length} there, on ${storage}, ${replicas === 1 ? "1 copy" : `${replicas} copies`}`;
  if (storage === "memory")
    return warn("streams", text, "All is lost with the server: for trials and measurements only.");
  return ok("streams", text);
}

async function checkActors(broker: Broker): Promise<Finding> {
  const answers = await broker.gather(
    { subject: "$SRV.PING", data: "" },
    { timeoutMs: LISTEN_MS * 3, stallMs: LISTEN_MS },
  );
  const names = answers.flatMap(({ data }) => nameIn(new TextDecoder().decode(data)));
  const count = (role: string) => names.filter((name) => name === `muster-${role}`).length;
  const text = ["dispatcher", "worker", "aggregator"].map(
    (role) => `${count(role)} ${role}${count(role) === 1 ? "" : "s"}`,
  );
  const lacking = ["dispatcher", "worker", "aggregator"].some((role) => count(role) === 0);
  return lacking
    ? warn("actors", text.join(", "), `Jobs wait until all three are there. ${UP}`)
    : ok("actors", text.join(", "));
}

function nameIn(text: string): string[] {
  try {
    const { name } = JSON.parse(text) as { name?: unknown };
    return typeof name === "string" ? [name] : [];
  } catch {
    return [];
  }
}

function permissions(denials: readonly string[]): Finding {
  if (denials.length === 0) return ok("permissions", "nothing was refused");
  const list = [...new Set(denials)].join(", ");
  return warn(
    "permissions",
    `refused: ${list}`,
    "Fine where this user is not to see it; see docs/operations.md for what each role needs.",
  );
}

function failed(check: string, error: unknown): Finding {
  const { code, message } = toMusterError(error);
  return { check, level: "fail", detail: message, code };
}
