/** Ctrl-C while something is waited for: the wait ends, and a second one ends the process. */

/** Why a wait was given up. */
export class Interrupted extends Error {
  readonly signal: "SIGINT" | "SIGTERM";

  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }

  /** What a shell shows for a process that this signal ended: 130 or 143. */
  get exitCode(): number {
    return this.signal === "SIGINT" ? 130 : 143;
  }
}

/** Runs work with a signal that SIGINT and SIGTERM abort, with an {@link Interrupted} as its reason. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onInt = () => interrupt("SIGINT");
  const onTerm = () => interrupt("SIGTERM");
  process.on("SIGINT", onInt).on("SIGTERM", onTerm);
  try {
    return await work(controller.signal);
  } finally {
    release();
  }

  function interrupt(signal: "SIGINT" | "SIGTERM"): void {
    release();
    controller.abort(new Interrupted(signal));
  }
  function release(): void {
    process.off("SIGINT", onInt).off("SIGTERM", onTerm);
  }
}

/** Resolves with the reason once the signal aborts. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(signal.reason);
    signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });
}
