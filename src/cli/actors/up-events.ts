/** Tells of what ends and comes again under `muster up`. */
import type { UpEvent } from "../../bootstrap/up.ts";
import { printable } from "../render/errors.ts";
import type { Shell } from "../shell.ts";

export function tellUpEvent({ stderr }: Pick<Shell, "stderr">): (event: UpEvent) => void {
  return (event) => void stderr.write(`muster: ${printable(sentenceOf(event))}\n`);
}

function sentenceOf(event: UpEvent): string {
  switch (event.type) {
    case "child-ended":
      return `${event.name} ended (${event.exit}), it is started again in ${event.againInMs} ms`;
    case "child-failed":
      return `${event.name} could not start: ${event.reason}`;
    case "child-restarted":
      return `${event.name} takes part again (process ${event.pid})`;
    case "server-ended":
      return `nats-server ended (${event.exit}), it is started again in ${event.againInMs} ms`;
    case "server-failed":
      return `nats-server could not start: ${event.reason}`;
    case "server-restarted":
      return `nats-server runs again (process ${event.pid})`;
  }
}
