/** Errors on the way to the events: what the broker did is trouble, everything else is a fault of ours. */
import { MusterError } from "../errors.ts";
import type { ActorContext } from "./context.ts";

export function report({ events }: ActorContext, where: string, error: unknown): void {
  if (error instanceof MusterError && error.status >= 500) {
    events.emit("broker.trouble", { what: where, reason: `${error.code}: ${error.message}` });
    return;
  }
  events.emit("error.unexpected", { where, error });
}
