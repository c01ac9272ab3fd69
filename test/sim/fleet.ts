/** The processes of a simulation: actors that die, stand still, leave and come again. */
import { Aggregator } from "../../src/actors/aggregator/aggregator.ts";
import type { ActorContext } from "../../src/actors/context.ts";
import { Dispatcher } from "../../src/actors/dispatcher/dispatcher.ts";
import { fail, type Handler } from "../../src/actors/handlers/handler.ts";
import { HandlerSet } from "../../src/actors/handlers/handler-set.ts";
import { InlineExecutor } from "../../src/actors/handlers/inline-executor.ts";
import { BUILT_IN } from "../../src/actors/handlers/registry.ts";
import { Worker } from "../../src/actors/worker/worker.ts";
import type { SimulatedBroker } from "../../src/broker/simulated/client.ts";
import type { SimulatedServer } from "../../src/broker/simulated/server.ts";
import type { TopologyOptions } from "../../src/broker/topology.ts";
import type { Names } from "../../src/protocol/names.ts";
import { sleep } from "../../src/runtime/clock.ts";
import type { Service } from "../../src/runtime/service.ts";
import type { VirtualClock } from "../../src/runtime/virtual-clock.ts";
import { Events } from "../../src/telemetry/events.ts";
import { ActorClock, type ClockFault } from "./actor-clock.ts";
import type { Dice } from "./dice.ts";
import { jobIndexOfWeight, type Ledger } from "./ledger.ts";
import { outputOf } from "./oracle.ts";
import type { Sabotage } from "./sabotage.ts";
import {
  type Harm,
  itemOf,
  jobIndexOfRange,
  type Passage,
  type Role,
  type Scenario,
  type SimItem,
  type Trigger,
} from "./scenario.ts";

export interface FleetGround {
  scenario: Scenario;
  clock: VirtualClock;
  server: SimulatedServer;
  names: Names;
  topology: TopologyOptions;
  ledger: Ledger;
  dice: Dice;
  isServerUp(): boolean;
  /** A bug to plant. */
  sabotage: Sabotage | undefined;
  /** Is told of what happens, for people. */
  tell(line: string): void;
}

/** A process that could not start, or found the broker away, is started again after so long. */
const START_AGAIN_MS = 300;

const POISON_DOWN_MS = 100;

/** Where answers go. */
const INBOX = "_INBOX.";

const NO_FAULT: ClockFault = { offsetMs: 0, rate: 1 };

/** What every process of the simulation has. */
export function contextOf(ground: FleetGround, id: string, broker: SimulatedBroker, fault = NO_FAULT) {
  const clock = new ActorClock(ground.clock, fault);
  const events = new Events();
  const context: ActorContext = {
    id,
    host: "sim",
    pid: 1,
    broker,
    names: ground.names,
    topology: ground.topology,
    partitions: ground.scenario.partitions,
    clock,
    random: ground.dice.fork(id).next,
    events,
    version: "0",
  };
  ground.ledger.watchStores(broker);
  events.on("error.unexpected", ({ where, error }) =>
    ground.ledger.violate(`${id}: unexpected at ${where}: ${error instanceof Error ? error.stack : error}`),
  );
  return { context, clock, events };
}

interface Process {
  id: string;
  broker: SimulatedBroker;
  clock: ActorClock;
  actor: Service;
  threats: { harm: Harm; trigger: Trigger; left: number }[];
  isDead: boolean;
}

/** One place in the fleet, in which process follows process. */
export class Berth {
  readonly role: Role;
  readonly #ground: FleetGround;
  readonly #index: number;
  readonly #fault: ClockFault;
  #incarnation = 0;
  #process: Process | undefined;
  #isClosed = false;
  #leaving: Promise<void> | undefined;

  constructor(ground: FleetGround, role: Role, index: number) {
    const { clocks } = ground.scenario;
    this.#ground = ground;
    this.role = role;
    this.#index = index;
    const place = index + { dispatcher: 0, worker: 2, aggregator: 5 }[role];
    this.#fault = clocks[place % clocks.length] ?? NO_FAULT;
  }

  /** Starts a process; another one where it fails to start. */
  async start(): Promise<void> {
    if (this.#isClosed) return;
    const id = `${this.role}-${this.#index}-${++this.#incarnation}`;
    const process = this.#create(id);
    if (process === undefined) return this.#startLater(START_AGAIN_MS);
    this.#process = process;
    this.#ground.tell(`${id} starts`);
    try {
      await process.actor.start();
    } catch (error) {
      this.#ground.tell(`${id} does not start: ${error}`);
      if (this.#process === process) this.#end(process, START_AGAIN_MS);
    }
  }

  /** Does harm to the process: now, or at the message that triggers it. */
  strike(harm: Harm, trigger: Trigger | undefined): void {
    const process = this.#process;
    if (process === undefined) return;
    if (trigger === undefined) this.#harm(process, harm);
    else process.threats.push({ harm, trigger, left: trigger.nth });
  }

  /** What has not struck by now does not any more. */
  spare(): void {
    if (this.#process !== undefined) this.#process.threats = [];
  }

  /** A message of a client: it may be what triggers a blow. */
  onPassage(client: string, passage: Passage, subject: string): void {
    const process = this.#process;
    if (process?.id !== client || process.threats.length === 0) return;
    const hit = process.threats.find(
      (threat) => isMatch(threat.trigger, passage, subject) && --threat.left === 0,
    );
    if (hit === undefined) return;
    process.threats = process.threats.filter((threat) => threat !== hit);
    this.#ground.tell(`${client} is hit at ${passage} ${subject}`);
    this.#harm(process, hit.harm);
  }

  #harm(process: Process, harm: Harm): void {
    if (this.role === "worker" && harm.type !== "jump") this.#ground.ledger.noteWorkerLost();
    switch (harm.type) {
      case "kill":
        return this.#end(process, harm.downMs);
      case "pause":
        return this.#pause(process, harm.ms);
      case "cut":
        return this.#cut(process, harm.ms);
      case "drain":
        return this.#drain(process, harm.downMs, harm.abortMs);
      case "jump":
        this.#ground.tell(`the clock of ${process.id} is set by ${harm.ms} ms`);
        return process.clock.jump(harm.ms);
    }
  }

  #pause({ id, broker, clock }: Process, ms: number): void {
    this.#ground.tell(`${id} stands still for ${ms} ms`);
    broker.pause();
    clock.pause();
    this.#ground.clock.after(ms, () => {
      this.#ground.tell(`${id} goes on`);
      clock.resume();
      broker.resume();
    });
  }

  #cut({ id, broker }: Process, ms: number): void {
    this.#ground.tell(`${id} loses its connection`);
    broker.cut();
    this.#ground.clock.after(ms, () => {
      if (this.#ground.isServerUp()) broker.heal();
    });
  }

  /** SIGTERM: another process comes when this one has left. */
  #drain(process: Process, downMs: number, abortMs: number | undefined): void {
    if (this.#leaving !== undefined) return;
    const { id, actor } = process;
    this.#ground.tell(`${id} is told to stop`);
    if (abortMs !== undefined) this.#ground.clock.after(abortMs, () => this.#abort(process));
    this.#leaving = this.#leave(process, actor.stop()).then(() => this.#startLater(downMs));
  }

  #abort(process: Process): void {
    if (process.isDead) return;
    this.#ground.tell(`${process.id} is told to stop at once`);
    void this.#leave(process, process.actor.abort());
  }

  async #leave(process: Process, stopping: Promise<void>): Promise<void> {
    try {
      await stopping;
    } catch (error) {
      this.#ground.ledger.violate(`${process.id} could not stop: ${error}`);
    }
    if (process.isDead || this.#process !== process) return;
    this.#ground.tell(`${process.id} has stopped`);
    if (process.clock.waiting > 0)
      this.#ground.ledger.violate(`${process.id} left ${process.clock.waiting} timers behind`);
    this.#leaving = undefined;
    this.#forget(process);
  }

  /** Ends it for good, in order. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const process = this.#process;
    if (process !== undefined) await this.#leave(process, process.actor.stop());
  }

  get isGone(): boolean {
    return this.#process === undefined;
  }

  // ── processes ────────────────────────────────────────────────────────────────────────────────────────────────

  #end(process: Process, downMs: number): void {
    if (process.isDead) return;
    this.#ground.tell(`${process.id} dies`);
    this.#leaving = undefined;
    this.#forget(process);
    this.#startLater(downMs);
  }

  #forget(process: Process): void {
    process.isDead = true;
    process.broker.kill();
    process.clock.kill();
    this.#process = undefined;
  }

  #startLater(ms: number): void {
    this.#ground.clock.after(Math.max(1, ms), () => {
      if (this.#process === undefined) void this.start();
    });
  }

  #create(id: string): Process | undefined {
    const broker = this.#connect(id);
    if (broker === undefined) return undefined;
    const { context, clock, events } = contextOf(this.#ground, id, broker, this.#fault);
    const process = { id, broker, clock, threats: [], isDead: false };
    this.#watch(id, broker, events);
    const { roles, broker: tamper } = this.#ground.sabotage ?? {};
    if (roles === undefined || roles.includes(this.role)) tamper?.(broker);
    return { ...process, actor: this.#actor(context, clock) };
  }

  #connect(id: string): SimulatedBroker | undefined {
    try {
      return this.#ground.server.connect(id);
    } catch {
      return undefined; // The broker is down.
    }
  }

  #watch(id: string, broker: SimulatedBroker, events: Events): void {
    const { ledger, tell } = this.#ground;
    let epoch = 0;
    const { publish } = broker;
    broker.publish = (message) => {
      const { subject, data } = message;
      if (subject === "muster.control.progress") ledger.onProgress(`${id} ${epoch}`, String(data));
      if (subject.startsWith(INBOX) && String(data).includes('"missing":')) ledger.onStanding(String(data));
      publish.call(broker, message);
    };
    events.onAny((name, payload) => {
      if (name.startsWith("partition.")) epoch++;
      if (name === "items.lost") ledger.noteItemsLost(`${id} ${JSON.stringify(payload)}`);
      tell(`${id} ${name} ${JSON.stringify(payload)}`);
    });
  }

  #actor(context: ActorContext, clock: ActorClock): Service {
    switch (this.role) {
      case "dispatcher":
        return new Dispatcher({ context });
      case "aggregator":
        return new Aggregator({
          context,
          handlers: this.#handlers(clock),
          cacheBytes: this.#ground.scenario.cacheBytes,
        });
      case "worker":
        return this.#worker(context, clock);
    }
  }

  #worker(context: ActorContext, clock: ActorClock): Worker {
    const handlers = this.#handlers(clock);
    const { slots } = this.#ground.scenario;
    const executor = new InlineExecutor({ handlers, slots, worker: context.id, clock });
    return new Worker({ context, handlers, executor, slots });
  }

  #handlers(clock: ActorClock): HandlerSet {
    // A handler of our own is not guarded against ending the process, which would make every await dearer.
    const handler = { kind: "work", fn: this.#handler(clock), inline: true, source: BUILT_IN };
    return new HandlerSet({ files: [], overrides: [], handlers: [handler] });
  }

  /** The process dies, and with it the promise. */
  #poison(): Promise<never> {
    const process = this.#process;
    this.#ground.ledger.notePoisoned();
    if (process !== undefined) this.#end(process, POISON_DOWN_MS);
    return new Promise(() => {});
  }

  #handler(clock: ActorClock): Handler {
    const { scenario, ledger } = this.#ground;
    return (value, { job: id, index, attempt }) => {
      ledger.onExecution(id, index, attempt);
      const number =
        typeof value === "number" ? jobIndexOfRange(value) : jobIndexOfWeight((value as SimItem).w);
      const job = scenario.jobs.find((each) => each.index === number);
      if (job === undefined) throw new Error(`no such job: ${number}`);
      const item = itemOf(scenario.seed, job, index);
      if (item.w !== (typeof value === "number" ? value : (value as SimItem).w))
        ledger.violate(`item ${index} of ${id} has the input of another`);
      if (item.x) return this.#poison();
      const end = () => {
        if (item.p) throw fail("broken");
        if (attempt <= item.f) throw new Error("flaky");
        return outputOf(job, item);
      };
      return item.ms === 0 ? end() : sleep(clock, item.ms).then(end);
    };
  }
}

function isMatch({ passage, word }: Trigger, met: Passage, subject: string): boolean {
  return (passage === undefined || passage === met) && subject.includes(word);
}
