/** The door of `muster/actors`: actors in a process of one's own. */
export type { ActorRole } from "../domain/fleet.ts";
export { type ActorOptions, type RunningActor, startActor } from "./actors.ts";
export { type ConnectionFlags, type ConnectionSettings, resolveConnection } from "./connection.ts";
export { joinFleet, type Node, type NodeOptions } from "./node.ts";
