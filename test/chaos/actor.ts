/** The process of one actor in a chaos run: the same start as `muster worker`'s, over a broker at whose calls it can die. */
import { fileURLToPath } from "node:url";
import { runAsProcess } from "../../src/bootstrap/actor-process.ts";
import { resolveConnection } from "../../src/bootstrap/connection.ts";
import type { FleetSettingsInput } from "../../src/bootstrap/settings.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { Crasher, type Doom, doomed } from "./doomed-broker.ts";
import { History, type Role } from "./history.ts";

/** What the process is told in its one argument, as JSON. */
export interface ActorOrder {
  id: string;
  role: Role;
  /** Comma list of the servers' addresses. */
  server: string;
  settings: FleetSettingsInput;
  /** The file of its history; handlers find it in the environment, as CHAOS_HISTORY. */
  history: string;
  slots: number;
}

/** What it can be told while it runs. */
export type ActorMessage = { type: "arm"; doom?: Doom };

const BROKER_WAIT_MS = 120_000;

const order = JSON.parse(process.argv[2] ?? "{}") as ActorOrder;
const crasher = new Crasher(order.role, new History(order.history, order.id));
process.on("message", (message: ActorMessage) => {
  if (message.type === "arm") crasher.arm(message.doom);
});

const { role, id, slots } = order;
process.exitCode = await runAsProcess({
  role,
  fleet: {
    connection: await resolveConnection({ server: order.server, name: id }, {}),
    settings: order.settings,
    decorate: (broker) => doomed(broker, crasher),
  },
  actor: { id, slots, handlers: [fileURLToPath(new URL("handlers.js", import.meta.url))] },
  logger: createLogger("info"),
  waitMs: BROKER_WAIT_MS,
});
if (process.connected) process.disconnect();
