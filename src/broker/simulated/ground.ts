/** What the parts of one simulated client share. */
import { RequestFailed } from "../../errors.ts";
import type { Calls } from "./calls.ts";
import type { ServerCore } from "./core.ts";
import type { Link } from "./link.ts";

export interface Ground {
  /** The client's name. */
  name: string;
  core: ServerCore;
  link: Link;
  calls: Calls;
  /** What is made anew on each new connection. */
  attachments: Set<Attachment>;
}

/** Something that the server forgets when the connection ends. */
export interface Attachment {
  attach(): void;
}

/** Asks for something that changes nothing. @throws RequestFailed when no answer comes */
export function look<T>(ground: Ground, what: string, run: () => T): Promise<T> {
  const { faults } = ground.core.options;
  const passage = { client: ground.name, subject: what };
  return ground.calls.ask(run, {
    unanswered: () => new RequestFailed(what, "no answer in time."),
    there: () => faults.onLook?.(passage) ?? "pass",
    back: () => faults.onLookAnswer?.(passage) ?? "pass",
  });
}
