/**
 * The public door of muster. Light to import: a module of tasks is loaded by every thread of a worker. What runs a fleet, or
 * takes part in one, is loaded by whoever connects, or imports `muster/actors`.
 */

export type { Client } from "./actors/client.ts";
export type { JobView } from "./actors/dispatcher/job-verbs.ts";
export { type Chunk, chunk } from "./actors/handlers/chunk.ts";
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
  type Splitter,
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
export type { ClientJob, ClientRecords } from "./actors/submit.ts";
export { type ConnectOptions, connect } from "./bootstrap/connect.ts";
export type { ConnectionFlags } from "./bootstrap/connection.ts";
export { VERSION } from "./bootstrap/version.ts";
export type { Items, Job, JobChoices, JobProgress, JobState, Muster } from "./client/index.ts";
export { Range, range } from "./client/range.ts";
export { fromSplitter, type SplitValue } from "./client/split-value.ts";
export type { Receipt } from "./domain/receipt.ts";
export type { CombineFunction, CustomReducer, CustomSteps } from "./domain/reducers/index.ts";
export * from "./errors.ts";
export type { Failure } from "./protocol/failure.ts";
export type { JobOptionsInput } from "./protocol/options.ts";
export type { Outcome, OutcomeCounts, OutcomeState, OutcomeTimes } from "./protocol/outcome.ts";
export type { ProgressLine } from "./protocol/progress.ts";
export type { Schema, SchemaIssue, SchemaResult } from "./protocol/schema.ts";
export { type EventMap, type EventName, Events } from "./telemetry/events.ts";
