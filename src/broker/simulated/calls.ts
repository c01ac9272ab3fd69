/** A client's questions to the server, each with its answer or the error that none came. */
import { BrokerUnreachable, type MusterError } from "../../errors.ts";
import type { Fate } from "./faults.ts";
import type { Link } from "./link.ts";

export interface CallOptions {
  /** What a missing answer means. */
  unanswered: () => MusterError;
  there?: () => Fate;
  back?: () => Fate;
}

export interface CallsOptions {
  link: Link;
  timeoutMs: number;
  label: string;
}

export class Calls {
  readonly #options: CallsOptions;
  readonly #waiting = new Set<() => void>();

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** Runs `run` at the server. The calls of a client that is dead never settle. */
  ask<T>(run: () => T, call: CallOptions): Promise<T> {
    const { link, timeoutMs, label } = this.#options;
    return new Promise((resolve, reject) => {
      if (link.state === "closed") return reject(new BrokerUnreachable(label, "the connection is closed."));
      const giveUp = () => settle(() => reject(call.unanswered()));
      const timer = link.after(timeoutMs, giveUp);
      this.#waiting.add(giveUp);
      const settle = (how: () => void) => {
        timer.cancel();
        this.#waiting.delete(giveUp);
        if (link.state !== "dead") how();
      };
      link.toServer(() => {
        const answer = attempt(run, resolve, reject);
        link.toClient(() => settle(answer), call.back?.());
      }, call.there?.());
    });
  }

  /** Gives up on all that is unanswered. */
  close(): void {
    for (const giveUp of [...this.#waiting]) giveUp();
  }
}

/** Runs at the server now; the answer is handed over when it has arrived. */
function attempt<T>(run: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): () => void {
  try {
    const value = run();
    return () => resolve(value);
  } catch (error) {
    return () => reject(error);
  }
}
