/** A range of seeds, shared among processes. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { add, nothing, type SeedRange, type Sweep, sweep } from "../../test/sim/sweep.ts";

export interface PartOptions {
  from: number;
  to: number;
  jobs: number;
  sabotage: string | undefined;
  onFailure(seed: number, violations: readonly string[]): void;
}

type Report = { type: "failed"; seed: number; violations: readonly string[] } | { type: "done"; sum: Sweep };

/** Runs all seeds in so many processes, and adds up what they report. */
export async function sweepInParts({ from, to, jobs, sabotage, onFailure }: PartOptions): Promise<Sweep> {
  const parts = Array.from({ length: jobs }, (_, part) =>
    runPart({ from, to, part, of: jobs }, sabotage, onFailure),
  );
  const sum = nothing();
  for (const part of await Promise.all(parts)) add(sum, part);
  return sum;
}

function runPart(
  range: SeedRange,
  sabotage: string | undefined,
  onFailure: PartOptions["onFailure"],
): Promise<Sweep> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify({ range, sabotage })]);
  return new Promise((resolve, reject) => {
    child.on("message", (report: Report) => {
      if (report.type === "done") resolve(report.sum);
      else onFailure(report.seed, report.violations);
    });
    child.on("exit", (code) => reject(new Error(`the process of part ${range.part} ended with ${code}`)));
  });
}

/** The other side: this file is also what a part's process runs. */
async function servePart(words: string): Promise<void> {
  const { range, sabotage } = JSON.parse(words) as { range: SeedRange; sabotage?: string };
  const tell = (report: Report) => process.send?.(report);
  const sum = await sweep(range, {
    sabotage,
    onFailure: ({ seed, violations }) => tell({ type: "failed", seed, violations }),
  });
  tell({ type: "done", sum });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await servePart(process.argv[2] ?? "");
