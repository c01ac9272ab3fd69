/** What a program does with a fleet: runs jobs, and finds those that run. */
import { Client } from "../actors/client.ts";
import type { ActorContext } from "../actors/context.ts";
import type { JobView } from "../actors/dispatcher/job-verbs.ts";
import type { BuiltInReducer, ResultOf } from "../actors/handlers/reduce-types.ts";
import { type AnyTask, definitionOf, type Task } from "../actors/handlers/task.ts";
import { report } from "../actors/report.ts";
import { jobOfKey } from "../protocol/submission.ts";
import { Background } from "../runtime/background.ts";
import { timedId } from "../runtime/id.ts";
import { type Items, itemWriter, type WriteItem } from "./items.ts";
import { Job } from "./job.ts";
import { type JobChoices, wireOptions } from "./options.ts";
import { type Ground, send } from "./send.ts";
import type { SplitValue } from "./split-value.ts";

type OnError = "fail" | "continue";
/** Of kinds that are called by name: `"reduce"` is the reducer of their handler module. */
type NamedReducer = BuiltInReducer | "reduce";

/** What reduces a job: what the caller names, else what the task has. */
type Chosen<Own, Reduce> = [Reduce] extends [string] ? Reduce : Own;
/** A failed item leaves `null`. */
type Kept<Output, Continue> = Continue extends "continue" ? Output | null : Output;
/** What is read of a job one by one. */
type Streamed<Output, Reduce, Continue> = [Reduce] extends ["concat"]
  ? Output extends readonly (infer Element)[]
    ? Element
    : never
  : Kept<Output, Continue>;
type JobResult<Output, Reduce, Continue> = Reduce extends "collect"
  ? Kept<Output, Continue>[]
  : ResultOf<Reduce, Output>;

/**
 * A fleet, as a program sees it; `connect()` makes one.
 *
 * @example
 * import { connect, range, task } from "muster";
 *
 * const square = task("square", { run: (n: number) => n * n, reduce: "sum" });
 *
 * await using muster = await connect();
 * console.log(await muster.map(square, range(1, 4))); // 14
 */
export class Muster implements AsyncDisposable {
  /** The client below, for what this one does not have: bodies as they travel, results as bytes, dead letters. */
  readonly client: Client;
  readonly #ground: Ground;
  readonly #leave: () => Promise<void>;
  #closed: Promise<void> | undefined;

  /** Starts a client. @internal */
  static async start(context: ActorContext, leave: () => Promise<void>): Promise<Muster> {
    const client = new Client(context);
    await client.start();
    return new Muster({ client, context }, leave);
  }

  private constructor({ client, context }: Omit<Ground, "background">, leave: () => Promise<void>) {
    this.client = client;
    this.#leave = leave;
    const background = new Background((error) => report(context, "client", error));
    this.#ground = { client, context, background };
  }

  /**
   * Runs a task over items; `await` the job for its result. The job is handed in at once, and goes on if this process dies.
   *
   * Items are an array, a {@link range}, anything that can be iterated, also asynchronously: that is read as a stream; or
   * those that the task's splitter makes of {@link fromSplitter}.
   * A kind may be called by its name, too; its types are then what you say they are.
   *
   * What is wrong with the items or the options is told where the job is awaited: InputMismatch (with the item's number
   * and place), InvalidBody, InvalidOption. Nothing was handed in then.
   *
   * @example
   * const lengths = task("lengths", { run: (text: string) => text.length });
   *
   * await muster.map(lengths, ["to", "be"]); // [2, 2]
   * await muster.map(lengths, ["to", "be"], { reduce: "max" }); // 2
   * await muster.map<number>("double", [1, 2, 3]); // [2, 4, 6]
   */
  map<
    Item,
    Output,
    Own,
    Value,
    const Reduce extends BuiltInReducer | undefined = undefined,
    const Continue extends OnError = "fail",
  >(
    task: Task<Item, Output, Own, Value>,
    items: Items<NoInfer<Item>> | SplitValue<NoInfer<Value>>,
    choices?: JobChoices<Reduce, Continue>,
  ): Job<Streamed<Output, Chosen<Own, Reduce>, Continue>, JobResult<Output, Chosen<Own, Reduce>, Continue>>;
  map<
    Output = unknown,
    const Reduce extends NamedReducer | undefined = undefined,
    const Continue extends OnError = "fail",
  >(
    kind: string,
    items: Items<unknown> | SplitValue,
    choices?: JobChoices<Reduce, Continue>,
  ): Job<
    Streamed<Output, Chosen<"collect", Reduce>, Continue>,
    JobResult<Output, Chosen<"collect", Reduce>, Continue>
  >;
  map(
    task: AnyTask | string,
    items: Items<unknown> | SplitValue,
    choices?: JobChoices<unknown, unknown>,
  ): Job {
    return this.#handIn(task, items, choices);
  }

  /**
   * Runs a task over one item; resolves with its output.
   * @throws JobFailed, InputMismatch, InvalidBody, InvalidOption, the signal's reason
   *
   * @example
   * await muster.run<number>("double", 21); // 42
   */
  run<Item, Output>(
    task: Task<Item, Output>,
    item: NoInfer<Item>,
    choices?: Omit<JobChoices<never, never>, "reduce" | "onError">,
  ): Promise<Output>;
  run<Output = unknown>(
    kind: string,
    item: unknown,
    choices?: Omit<JobChoices<never, never>, "reduce" | "onError">,
  ): Promise<Output>;
  async run(task: AnyTask | string, item: unknown, choices: JobChoices<never, never> = {}): Promise<unknown> {
    const job = this.#handIn(task, [item], { ...choices, reduce: "collect", onError: "fail" });
    const [output] = (await job) as unknown[];
    return output;
  }

  /**
   * Hands a job in and waits no longer: resolves with its id once it is stored.
   * @throws InputMismatch, InvalidBody, InvalidOption, StorageFull, PermissionDenied
   *
   * @example
   * const id = await muster.submit("double", [1, 2, 3], { key: "nightly" });
   * await muster.job(id); // [2, 4, 6]
   */
  submit<Item, Value>(
    task: Task<Item, unknown, unknown, Value>,
    items: Items<NoInfer<Item>> | SplitValue<NoInfer<Value>>,
    choices?: JobChoices<BuiltInReducer>,
  ): Promise<string>;
  submit(
    kind: string,
    items: Items<unknown> | SplitValue,
    choices?: JobChoices<NamedReducer>,
  ): Promise<string>;
  async submit(
    task: AnyTask | string,
    items: Items<unknown> | SplitValue,
    choices: JobChoices<NamedReducer> = {},
  ): Promise<string> {
    const job = this.#handIn(task, items, choices);
    await job.accepted();
    return job.id;
  }

  /**
   * A job that was handed in before, here or elsewhere. With its task the types are known.
   *
   * @example
   * const id = await muster.submit("double", [1, 2, 3]);
   * const job = muster.job(id);
   * await job; // [2, 4, 6]
   * await job.state(); // "succeeded"
   */
  job<Item, Output, Own>(
    id: string,
    task: Task<Item, Output, Own>,
  ): Job<Streamed<Output, Own, "fail">, ResultOf<Own, Output>>;
  job<Output = unknown, Result = unknown>(id: string): Job<Output, Result>;
  job(id: string): Job {
    const parts = { id, accepted: Promise.resolve(undefined), reduce: undefined, signal: undefined };
    return new Job(this.#ground, parts);
  }

  /**
   * What is known of a job.
   * @throws MusterError with the code `unknown_job`, RequestFailed where no dispatcher answers
   *
   * @example
   * const { state, items, total } = await muster.get(await muster.submit("double", [1]));
   */
  async get(id: string): Promise<JobView> {
    return await this.client.ask<JobView>("get", { job: id });
  }

  /**
   * Jobs that run, and those that ended lately.
   * @throws RequestFailed where no dispatcher answers
   *
   * @example
   * const running = (await muster.list()).filter(({ state }) => state === "running");
   */
  async list({ limit = 100 }: { limit?: number } = {}): Promise<JobView[]> {
    return await this.client.list(limit);
  }

  /** Leaves the fleet. Jobs go on; whoever waits for one here waits no longer. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** {@link Muster.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #handIn(
    task: AnyTask | string,
    items: Items<unknown> | SplitValue,
    choices: JobChoices<unknown, unknown> = {},
  ): Job {
    const { context } = this.#ground;
    const { kind, own, write } = callOf(task);
    const { key = timedId(context.clock.now(), context.random), reduce = own, signal } = choices;
    const sent = async () => {
      const options = { ...wireOptions({ ...choices, reduce }), key };
      return await send(this.#ground, { kind, items, write, options, signal });
    };
    const parts = { id: jobOfKey(key), accepted: sent(), reduce: String(reduce), signal };
    return new Job(this.#ground, parts);
  }

  async #close(): Promise<void> {
    await this.#ground.background.settled();
    await this.client.stop();
    await this.#leave();
  }
}

interface Call {
  kind: string;
  /** What reduces it where the caller says nothing. */
  own: string;
  write: WriteItem;
}

function callOf(task: AnyTask | string): Call {
  if (typeof task === "string") return { kind: task, own: "collect", write: itemWriter(undefined) };
  const { reduce = "collect" } = definitionOf(task);
  const own = typeof reduce === "string" ? reduce : "reduce";
  return { kind: task.kind, own, write: itemWriter(task) };
}
