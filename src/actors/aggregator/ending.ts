/** From a gather that is over to the ending of its job. */

import { receiptHead } from "../../domain/receipt.ts";
import { toMusterError } from "../../errors.ts";
import { encodeJson } from "../../protocol/json.ts";
import type { ActorContext } from "../context.ts";
import type { Ending } from "../outcomes.ts";
import { assemble } from "./assemble.ts";
import type { LiveJob } from "./live-job.ts";

export function endingOf(context: ActorContext, live: LiveJob): Ending {
  const { spec, verdict, coverage, tasks, duplicates, failed, failures, handlerMs, started } = live.state;
  const common = {
    job: spec.job,
    kind: spec.kind,
    counts: { items: coverage.count, failed, tasks, duplicates, handlerMs },
    submitted: spec.submitted,
    started,
    failures,
    receipt: receiptHead(live.state.receipt),
    reply: spec.reply,
    output: spec.output,
  };
  if (verdict?.state === "failed") return { ...common, state: "failed", error: verdict.error };
  try {
    return { ...common, state: "succeeded", result: resultOf(context, live) };
  } catch (error) {
    return { ...common, state: "failed", error: toMusterError(error) };
  }
}

function resultOf(context: ActorContext, { state, reducer }: LiveJob) {
  if (!reducer.ordered) return encodeJson(reducer.finish(state.accumulator));
  return assemble(context, reducer.name as "collect" | "concat", state.pieces);
}
