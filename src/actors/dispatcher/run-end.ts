/** How a job's run ended: its message is then acknowledged, given back after a while, or left to whoever has it now. */
export type RunEnd =
  | { type: "done" }
  | { type: "later"; ms: number }
  | { type: "taken" }
  | { type: "stopped" };
