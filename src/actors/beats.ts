/** The heartbeat of an actor, and the fleet that it hears. */

import type { Subscription } from "../broker/port.ts";
import { BEAT_MS, type Beat, Fleet, readBeat } from "../domain/fleet.ts";
import type { Timer } from "../runtime/clock.ts";
import { Service } from "../runtime/service.ts";
import type { ActorContext } from "./context.ts";
import { jsonOf } from "./json.ts";

/** Sends this actor's beat every second and at a roll call, and a last one when it leaves. */
export class Heart extends Service {
  readonly #context: ActorContext;
  readonly #beat: () => Beat;
  #timer: Timer | undefined;
  #rollCall: Subscription | undefined;

  constructor(context: ActorContext, beat: () => Beat) {
    super();
    this.#context = context;
    this.#beat = beat;
  }

  protected async onStart(): Promise<void> {
    const { broker, names, clock } = this.#context;
    this.#send({});
    this.#timer = clock.every(BEAT_MS, () => this.#send({}));
    this.#rollCall = broker.subscribe(names.control("roll-call"), () => this.#send({}));
  }

  protected async onStop(): Promise<void> {
    this.#timer?.cancel();
    this.#rollCall?.close();
    this.#send({ leaving: true });
  }

  #send(more: Partial<Beat>): void {
    const { broker, names } = this.#context;
    broker.publish({ subject: names.control("beat"), data: JSON.stringify({ ...this.#beat(), ...more }) });
  }
}

/** Listens to all beats; calls the roll when it starts, so that it need not wait for the next round. */
export class FleetWatch extends Service {
  readonly fleet = new Fleet();
  readonly #context: ActorContext;
  readonly #onChange: () => void;
  #subscription: Subscription | undefined;
  #timer: Timer | undefined;

  constructor(context: ActorContext, onChange: () => void = () => {}) {
    super();
    this.#context = context;
    this.#onChange = onChange;
  }

  protected async onStart(): Promise<void> {
    const { broker, names, clock } = this.#context;
    this.#subscription = broker.subscribe(names.control("beat"), (message) => {
      const beat = readBeat(jsonOf<Beat>(message));
      if (beat !== undefined) this.#onBeat(beat);
    });
    this.#timer = clock.every(BEAT_MS, () => this.#expire());
    broker.publish({ subject: names.control("roll-call") });
    await broker.flush();
  }

  protected async onStop(): Promise<void> {
    this.#timer?.cancel();
    this.#subscription?.close();
  }

  #onBeat(beat: Beat): void {
    const { events, clock } = this.#context;
    const { id, role, host } = beat;
    const before = this.fleet.version;
    if (this.fleet.onBeat(beat, clock.now())) events.emit("actor.joined", { role, id, host });
    if (beat.leaving) events.emit("actor.left", { role, id, host, silent: false });
    if (this.fleet.version !== before) this.#onChange();
  }

  #expire(): void {
    const gone = this.fleet.expire(this.#context.clock.now());
    for (const { role, id, host } of gone) {
      this.#context.events.emit("actor.left", { role, id, host, silent: true });
    }
    if (gone.length > 0) this.#onChange();
  }
}
