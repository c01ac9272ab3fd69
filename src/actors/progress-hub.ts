/** What the aggregators tell of jobs, handed to whoever waits for one of them. */
import type { Subscription } from "../broker/port.ts";
import { decodeProgress, type ProgressLine } from "../protocol/progress.ts";
import { Service } from "../runtime/service.ts";
import type { ActorContext } from "./context.ts";
import { textOf } from "./json.ts";

type Listener = (line: ProgressLine) => void;

export class ProgressHub extends Service {
  readonly #context: ActorContext;
  readonly #listeners = new Map<string, Set<Listener>>();
  #subscription: Subscription | undefined;

  constructor(context: ActorContext) {
    super();
    this.#context = context;
  }

  /** Hears of a job until the returned function is called. */
  on(job: string, listener: Listener): () => void {
    const set = this.#listeners.get(job) ?? new Set();
    this.#listeners.set(job, set);
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.#listeners.get(job) === set) this.#listeners.delete(job);
    };
  }

  protected async onStart(): Promise<void> {
    const { broker, names } = this.#context;
    this.#subscription = broker.subscribe(names.control("progress"), (message) => {
      for (const line of decodeProgress(textOf(message))) this.#tell(line);
    });
  }

  protected async onStop(): Promise<void> {
    this.#subscription?.close();
  }

  #tell(line: ProgressLine): void {
    for (const listener of [...(this.#listeners.get(line.job) ?? [])]) listener(line);
  }
}
