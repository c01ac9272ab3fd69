/** The progress bar, for terminals only. */
import { type Options, SingleBar } from "cli-progress";
import { systemClock } from "../../runtime/clock.ts";
import type { Shell } from "../shell.ts";
import { formatBytes } from "./text.ts";

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

/**
 * A bar of the bytes that are read while records are shipped, on stderr where that is a terminal. `counts` is looked at now
 * and then.
 */
export function startUploadBar(
  { stderr, env }: Pick<Shell, "stderr" | "env">,
  files: readonly { size: number | undefined }[],
  counts: { bytes: number; records: number },
): Pick<ProgressBar, "stop"> {
  if (stderr.isTTY !== true || env.TERM === "dumb") return NO_BAR;
  const total = files.reduce((sum, { size }) => sum + (size ?? Number.NaN), 0);
  const known = Number.isFinite(total) ? total : undefined;
  const format = known === undefined ? UPLOAD_OPEN : UPLOAD;
  const bar = new SingleBar({ ...optionsOf(stderr, known), format });
  const state = () => ({ read: formatBytes(counts.bytes), records: counts.records });
  bar.start(known ?? Number.MAX_SAFE_INTEGER, 0, state());
  const timer = systemClock.every(1_000 / FPS, () => bar.update(counts.bytes, state()));
  return {
    stop: () => {
      timer.cancel();
      bar.stop();
    },
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
const UPLOAD =
  "{bar} {percentage}%  shipping {read}, {records} records  {duration_formatted}, {eta_formatted} to go";
const UPLOAD_OPEN = "shipping {read}, {records} records  {duration_formatted}";
const FORMAT_OPEN = "{value} items, {failed} failed  {duration_formatted}";
