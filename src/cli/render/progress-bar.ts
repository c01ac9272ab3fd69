/** The progress bar, for terminals only. */
import { type Options, SingleBar } from "cli-progress";
import type { Shell } from "../shell.ts";

export interface ProgressBar {
  update(progress: { items: number; failed: number }): void;
  /** Removes it; may be called twice. */
  stop(): void;
}

const NO_BAR: ProgressBar = { update: () => {}, stop: () => {} };

/** Redraws a second at most. */
const FPS = 10;

/** A bar on stderr where that is a terminal, else nothing. `total` is the job's number of items, where it is known. */
export function startProgressBar(
  { stderr, env }: Pick<Shell, "stderr" | "env">,
  total: number | undefined,
): ProgressBar {
  if (stderr.isTTY !== true || env.TERM === "dumb" || total === 0) return NO_BAR;
  const bar = new SingleBar(optionsOf(stderr, total));
  bar.start(total ?? Number.MAX_SAFE_INTEGER, 0, { failed: 0 });
  return {
    update: ({ items, failed }) => bar.update(items, { failed }),
    stop: () => bar.stop(),
  };
}

function optionsOf(stream: NodeJS.WriteStream, total: number | undefined): Options {
  return {
    stream,
    format: total === undefined ? FORMAT_OPEN : FORMAT,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    fps: FPS,
    hideCursor: true,
    clearOnComplete: true,
    emptyOnZero: true,
    etaBuffer: 50,
    etaAsynchronousUpdate: true,
    // Signals are dealt with by whoever waits for the job.
    gracefulExit: false,
  };
}

const FORMAT =
  "{bar} {percentage}%  {value}/{total} items, {failed} failed  {duration_formatted}, {eta_formatted} to go";
const FORMAT_OPEN = "{value} items, {failed} failed  {duration_formatted}";
