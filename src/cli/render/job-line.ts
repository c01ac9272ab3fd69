/** A job, and an event, on one line. */
import type { JobView } from "../../actors/dispatcher/job-verbs.ts";
import { oneLine } from "./text.ts";

type Progress = Pick<JobView, "job" | "kind" | "state" | "items" | "failed"> & { total?: number | undefined };

/** `JOB double running 120/1000 items, 0 failed`. */
export function jobLine({ job, kind, state, items, total, failed }: Progress): string {
  return `${job}  ${kind}  ${state}  ${itemsOf({ items, total })} items, ${failed} failed`;
}

/** `120/1000`, or `120` where the total is not known. */
export function itemsOf({ items, total }: Pick<Progress, "items" | "total">): string {
  return total === undefined ? String(items) : `${items}/${total}`;
}

/** An event of the events stream: its time, its type, and its other fields as `name=value`. */
export function eventLine(event: Readonly<Record<string, unknown>>): string {
  const { time, type, ...fields } = event;
  const words = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return oneLine(
    `${text(time)}  ${text(type).padEnd(8)}  ${words.map(([name, value]) => `${name}=${text(value)}`).join(" ")}`,
  );
}

function text(value: unknown): string {
  if (typeof value === "string") return value.includes(" ") ? JSON.stringify(value) : value;
  return JSON.stringify(value) ?? "";
}
