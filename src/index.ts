/** The public door of muster. */

export { Client, type ClientJob, type ClientRecords } from "./actors/client.ts";
export type { JobView } from "./actors/dispatcher/job-verbs.ts";
export {
  type BatchContext,
  type BatchHandler,
  type BatchOutputs,
  fail,
  type Handler,
  type HandlerContext,
  type HandlerLog,
  type HandlerOptions,
  retryAfter,
  type Steering,
} from "./actors/handlers/handler.ts";
export type {
  BuiltInReducer,
  Histogram,
  ReduceFunction,
  ReduceSteps,
  Reducing,
  ResultOf,
} from "./actors/handlers/reduce-types.ts";
export {
  type AnyTask,
  type BatchTaskDefinition,
  type Duration,
  type Task,
  type TaskDefinition,
  type TaskOptions,
  task,
} from "./actors/handlers/task.ts";
export { type ActorOptions, type RunningActor, startActor } from "./bootstrap/actors.ts";
export { type ConnectOptions, connect } from "./bootstrap/connect.ts";
export { type ConnectionFlags, type ConnectionSettings, resolveConnection } from "./bootstrap/connection.ts";
export { joinFleet, type Node, type NodeOptions } from "./bootstrap/node.ts";
export { VERSION } from "./bootstrap/version.ts";
export {
  type Items,
  Job,
  type JobChoices,
  type JobProgress,
  type JobState,
  Muster,
  Range,
  range,
} from "./client/index.ts";
export type { ActorRole } from "./domain/fleet.ts";
export type { CombineFunction, CustomReducer, CustomSteps } from "./domain/reducers/index.ts";
export * from "./errors.ts";
export type { Failure, Outcome, OutcomeCounts, OutcomeState, OutcomeTimes } from "./protocol/messages.ts";
export type { JobOptionsInput } from "./protocol/options.ts";
export type { ProgressLine } from "./protocol/progress.ts";
export type { Schema, SchemaIssue, SchemaResult } from "./protocol/schema.ts";
export { type EventMap, type EventName, Events } from "./telemetry/events.ts";
