/** The actors of a chaos run: processes that are replaced when they die. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ActorMessage, ActorOrder } from "./actor.ts";
import type { Doom } from "./doomed-broker.ts";
import type { History, Role } from "./history.ts";

const ENTRY = fileURLToPath(new URL("actor.js", import.meta.url));
const STOP_LIMIT_MS = 30_000;
/** What an actor's threads may still write after it noted its crash fits into so many characters. */
const TAIL_CHARACTERS = 2_000;

export interface ActorsOptions {
  folder: string;
  history: History;
  server: string;
  settings: ActorOrder["settings"];
  /** File descriptor of what the processes print. */
  log: number;
  /** How long the successor of one that died waits. */
  pauseMs(): number;
}

/** One process. */
export class Actor {
  readonly id: string;
  readonly role: Role;
  readonly child: ChildProcess;
  /** Resolves with how it ended, as `SIGKILL` or `exit code 1`. */
  readonly ended: Promise<string>;
  /** Resolves when it takes part; rejects when it ends before. */
  readonly begun: Promise<void>;
  ready = false;
  /** It was told to end, by a signal. */
  wanted = false;
  stopped = false;
  /** It stays from the beginning to the end, where nobody is killed. */
  resident = false;
  doom: Doom | undefined;
  readonly #history: string;

  constructor(order: ActorOrder, log: number) {
    this.id = order.id;
    this.role = order.role;
    this.#history = order.history;
    this.child = fork(ENTRY, [JSON.stringify(order)], {
      env: { PATH: process.env.PATH, CHAOS_HISTORY: order.history },
      execArgv: [],
      stdio: ["ignore", log, log, "ipc"],
    });
    this.child.on("error", () => {}); // A message to one that just died.
    this.ended = once(this.child, "exit").then(([code, signal]) => signal ?? `exit code ${code}`);
    this.begun = new Promise((resolve, reject) => {
      this.child.on("message", (message: { type: string }) => {
        if (message.type !== "ready") return;
        this.ready = true;
        resolve();
      });
      void this.ended.then((how) => reject(new Error(`${this.id} ended as it began: ${how}`)));
    });
    this.begun.catch(() => {}); // Only whoever waits for it needs to know.
  }

  /** The crash point at which it died, if it did at one. */
  async crashedAt(): Promise<string | undefined> {
    const text = await readFile(this.#history, "utf8").catch(() => ""); // It may have ended before it wrote any.
    return /"what":"crash","point":"([\w.-]+)"/.exec(text.slice(-TAIL_CHARACTERS))?.[1];
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** It can be struck: it takes part, and nothing else is being done to it. */
  get free(): boolean {
    return this.alive && this.ready && !this.wanted && !this.stopped;
  }

  kill(signal: NodeJS.Signals): void {
    this.wanted = true;
    this.child.kill(signal);
  }

  arm(doom: Doom | undefined): void {
    this.doom = doom;
    const message: ActorMessage = { type: "arm", ...(doom === undefined ? {} : { doom }) };
    if (this.child.connected) this.child.send(message, () => {});
  }

  async sleep(ms: number): Promise<void> {
    this.stopped = true;
    this.child.kill("SIGSTOP");
    await delay(ms);
    this.child.kill("SIGCONT");
    this.stopped = false;
  }
}

export class Actors {
  readonly all = new Set<Actor>();
  readonly #options: ActorsOptions;
  #started = 0;
  #replacing = true;

  constructor(options: ActorsOptions) {
    this.#options = options;
  }

  /** How many processes were started in all. */
  get started(): number {
    return this.#started;
  }

  of(role: Role): Actor[] {
    return [...this.all].filter((actor) => actor.role === role);
  }

  /** Starts an actor, and a successor when it dies. */
  start(role: Role): Actor {
    const { folder, server, settings, history, log, pauseMs } = this.#options;
    const id = `${role}-${++this.#started}`;
    const order = { id, role, server, settings, slots: 4, history: join(folder, `${id}.jsonl`) };
    const actor = new Actor(order, log);
    this.all.add(actor);
    history.write({ what: "spawn", actor: id, role, pid: actor.child.pid ?? 0 });
    void actor.ended.then(async (how) => {
      this.all.delete(actor);
      const wanted = actor.wanted || (how === "SIGKILL" && (await actor.crashedAt()) !== undefined);
      history.write({ what: "exit", actor: id, role, how, began: actor.ready, wanted });
      if (!this.#replacing) return;
      await delay(pauseMs());
      if (this.#replacing) this.start(role);
    });
    return actor;
  }

  killAll(): void {
    this.#replacing = false;
    for (const actor of this.all) actor.kill("SIGKILL");
  }

  /** Ends all in good order, and kills what does not end. Returns the ids of those that had to be killed. */
  async stop(): Promise<string[]> {
    this.#replacing = false;
    const late: string[] = [];
    const end = async (actor: Actor) => {
      actor.kill("SIGTERM");
      const timer = setTimeout(() => {
        late.push(actor.id);
        actor.kill("SIGKILL");
      }, STOP_LIMIT_MS);
      await actor.ended;
      clearTimeout(timer);
    };
    await Promise.all([...this.all].map(end));
    return late;
  }
}
