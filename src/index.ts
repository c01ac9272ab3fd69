/** The public door of muster. */
export { Client, type ClientJob, type ClientRecords } from "./actors/client.ts";
export type { JobView } from "./actors/dispatcher/job-verbs.ts";
export {
  type BatchContext,
  type BatchHandler,
  fail,
  type Handler,
  type HandlerContext,
  retryAfter,
  type Splitter,
} from "./actors/handlers/handler.ts";
export { type ActorOptions, type RunningActor, startActor } from "./bootstrap/actors.ts";
export { type ConnectedClient, type ConnectOptions, connect } from "./bootstrap/connect.ts";
export { joinFleet, type Node, type NodeOptions } from "./bootstrap/node.ts";
export { VERSION } from "./bootstrap/version.ts";
export type { ActorRole } from "./domain/fleet.ts";
export type { CombineFunction, CustomReducer, CustomSteps } from "./domain/reducers/index.ts";
export * from "./errors.ts";
export type { Failure, Outcome, OutcomeCounts, OutcomeState } from "./protocol/messages.ts";
export type { JobOptionsInput } from "./protocol/options.ts";
export type { ProgressLine } from "./protocol/progress.ts";
export { type EventMap, type EventName, Events } from "./telemetry/events.ts";
