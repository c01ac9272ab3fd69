/** Whether any worker serves a kind right now. */
import type { Client } from "../../actors/client.ts";
import { jsonOf } from "../../actors/json.ts";
import type { Names } from "../../protocol/names.ts";
import { suggest } from "../../protocol/suggest.ts";
import { say } from "../render/output.ts";
import type { Shell } from "../shell.ts";
import { infoOf, isOfFleet, kindsOf, SERVICE } from "./actors.ts";

/** How long workers may take to answer, in milliseconds; with one that serves the kind it takes one round trip. */
const ANSWER_MS = 500;

/** Says on stderr that a job will wait, where no worker serves its kind. */
export async function noteWhereNotOffered(
  shell: Shell,
  { client, names, kind }: { client: Client; names: Names; kind: string },
  signal: AbortSignal,
): Promise<void> {
  const { offered, known } = await askForKind(client, { names, kind }, signal);
  if (offered || signal.aborted) return;
  const near = suggest(kind, known);
  const hint = near === undefined ? "" : ` Did you mean "${near}"?`;
  const others = known.length === 0 ? "no worker answers" : `known: ${known.join(", ")}`;
  say(shell, `No worker serves kind "${kind}" right now (${others}): the job waits until one joins.${hint}`);
}

interface Answered {
  offered: boolean;
  /** Kinds that the workers which answered serve, in alphabetical order. */
  known: string[];
}

function askForKind(
  { broker }: Client,
  { names, kind }: { names: Names; kind: string },
  signal: AbortSignal,
): Promise<Answered> {
  const inbox = broker.inbox();
  const known = new Set<string>();
  return new Promise((resolve) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    const subscription = broker.subscribe(inbox, (message) => {
      const info = infoOf(jsonOf(message));
      if (info === undefined || !isOfFleet(info, names)) return;
      for (const each of kindsOf(info)) known.add(each);
      if (known.has(kind)) end();
    });
    limit.addEventListener("abort", end, { once: true });
    broker.publish({ subject: `$SRV.INFO.${SERVICE.worker}`, reply: inbox });

    function end(): void {
      limit.removeEventListener("abort", end);
      subscription.close();
      resolve({ offered: known.has(kind), known: [...known].sort() });
    }
  });
}
