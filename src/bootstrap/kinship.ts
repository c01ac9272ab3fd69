/** What `muster up` and the actors that it forked tell each other over their channel. */
import { MusterError } from "../errors.ts";

/** From an actor: it takes part now, or it could not start, and why. */
export type ChildMessage =
  | { type: "ready"; id: string }
  | { type: "failed"; code: string; status: number; message: string };

/** To an actor: end now. To end in good order it is sent SIGTERM, as by anyone else. */
export type ParentMessage = { type: "abort" };

export function failedMessage({ code, status, message }: MusterError): ChildMessage {
  return { type: "failed", code, status, message };
}

export function errorOf({ code, status, message }: ChildMessage & { type: "failed" }): MusterError {
  return new MusterError(code, status, message);
}

/** What an actor ends with when its parent knows the cause, and will say it. */
export class ToldParent extends Error {
  constructor(cause: unknown) {
    super("the parent was told", { cause });
  }
}
