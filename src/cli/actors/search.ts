/** Tells of the search for a nats-server, once it takes longer than a look around. */
import type { StepEvent } from "../../bootstrap/server/step.ts";
import type { Shell } from "../shell.ts";

/** Says a line when a server has to be fetched, and how that ended. */
export function tellSearch({ stderr }: Pick<Shell, "stderr">): (event: StepEvent) => void {
  let fetching = false;
  return (event) => {
    if (event.state === "started" && event.installs) {
      if (!fetching)
        stderr.write("No usable nats-server is here: fetching one, kept in the cache for the next time.\n");
      fetching = true;
      stderr.write(`  trying ${event.step} …\n`);
    }
    if (!fetching) return;
    if (event.state === "skipped") stderr.write(`  ${event.step}: ${event.reason}\n`);
    if (event.state === "found") stderr.write(`  nats-server ${event.version}: ${event.path}\n`);
  };
}
