/** The receipt of a job: for people a table, for programs JSON. */
import { type Receipt, receiptOf } from "../../domain/receipt.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { type Sink, writeData, writeJson } from "./output.ts";
import { formatTable } from "./table.ts";
import { counted, formatSpan } from "./text.ts";

/** Writes the receipt of a job that is over. */
export async function printReceipt(sink: Sink, outcome: Outcome, { json }: { json: boolean }): Promise<void> {
  const receipt = receiptOf(outcome);
  if (json) await writeJson(sink, receipt);
  else await writeData(sink, formatTable([{ head: "job" }, { head: receipt.job }], rowsOf(receipt)));
}

function rowsOf(receipt: Receipt): [string, string][] {
  const { kind, state, items, failed, tasks, duplicates, handlerMs, submitted, finished } = receipt;
  return [
    ["kind", kind],
    ["state", state],
    ["items", `${items}, ${failed} of them failed`],
    ["tasks", `${tasks}; ${counted(duplicates, "duplicate")} dropped`],
    ...countRows(receipt),
    ["submitted", submitted],
    ...timeRows(receipt),
    ["finished", finished],
    ["handler time", formatSpan(handlerMs)],
    ...paceRows(receipt),
  ];
}

function countRows({ outputs, attempts, digests, failed }: Receipt): [string, string][] {
  if (outputs === undefined || attempts === undefined || digests === undefined) return [];
  const retries = Math.max(0, attempts - outputs - failed);
  return [
    ["attempts", `${attempts}, ${retries} of them retries`],
    ["inputs", `digest ${digests.inputs}`],
    ["outputs", `digest ${digests.outputs}`],
  ];
}

function timeRows({ began, ended }: Receipt): [string, string][] {
  if (began === undefined || ended === undefined) return [];
  return [
    ["first task", `${began} began`],
    ["last task", `${ended} ended`],
  ];
}

function paceRows({ elapsedMs, workers, speedUp, efficiency }: Receipt): [string, string][] {
  if (elapsedMs === undefined || workers === undefined) return [];
  const { count, slots, names } = workers;
  const listed = names.join(", ") + (count > names.length ? ", …" : "");
  return [
    ["elapsed", formatSpan(elapsedMs)],
    ["workers", `${count} with ${counted(slots, "slot")}: ${listed}`],
    ["speed-up", speedUp === null || speedUp === undefined ? "-" : `${speedUp}`],
    ["efficiency", efficiency === null || efficiency === undefined ? "-" : `${efficiency}`],
  ];
}
