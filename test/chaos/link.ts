/** One connection through the proxy, which can be slow, deaf, cut, or noisy: repeat messages, bring them late, lose acknowledgements. */
import type { Socket } from "node:net";
import type { Dice } from "../sim/dice.ts";
import { type Frame, FrameSplitter } from "../support/wire.ts";

/** How probable it is that something happens to a message. */
export interface Noise {
  /** It is delivered a second time at once. */
  repeated: number;
  /** It is delivered a second time, long after. */
  late: number;
  /** It is an acknowledgement, and is swallowed. */
  lost: number;
}

/** How many messages were meddled with. */
export type Meddled = Record<keyof Noise, number>;

const LATE_MS = [50, 2_500] as const;

export class Link {
  /** What the client calls itself. */
  name = "";
  readonly #near: Socket;
  readonly #toClient: Flow;
  readonly #toServer: Flow;
  readonly #dice: Dice;
  readonly #meddled: Meddled;
  #noise: Noise | undefined;

  constructor(near: Socket, far: Socket, { dice, meddled }: { dice: Dice; meddled: Meddled }) {
    this.#near = near;
    this.#dice = dice;
    this.#meddled = meddled;
    this.#toClient = new Flow(near);
    this.#toServer = new Flow(far);
    const fromServer = new FrameSplitter();
    const fromClient = new FrameSplitter();
    far.on("data", (bytes) => this.#toClient.write(fromServer.push(bytes).flatMap(this.#meddleDown)));
    near.on("data", (bytes) => this.#toServer.write(fromClient.push(bytes).flatMap(this.#meddleUp)));
  }

  /** Both ways come later by so many milliseconds. */
  slow(ms: number): void {
    this.#toClient.delayMs = ms;
    this.#toServer.delayMs = ms;
  }

  /** Nothing passes, and nobody is told. */
  deafen(): void {
    this.#toClient.hold();
    this.#toServer.hold();
  }

  noisy(noise: Noise): void {
    this.#noise = noise;
  }

  cut(): void {
    this.#near.destroy();
  }

  /** What was held back passes now. */
  heal(): void {
    this.#noise = undefined;
    this.slow(0);
    this.#toClient.release();
    this.#toServer.release();
  }

  readonly #meddleDown = (frame: Frame): Buffer[] => {
    if (this.#noise === undefined || !isMessage(frame)) return [frame.bytes];
    if (isStoreAnswer(frame) && this.#happens("lost")) return [];
    if (this.name.startsWith("caller") && isTold(frame) && !isStoreAnswer(frame)) return [frame.bytes];
    if (this.#happens("late")) this.#repeatLater(frame.bytes);
    return this.#happens("repeated") ? [frame.bytes, frame.bytes] : [frame.bytes];
  };

  readonly #meddleUp = (frame: Frame): Buffer[] => {
    if (frame.words[0] === "CONNECT") this.name = nameIn(frame);
    const isLost = this.#noise !== undefined && isTaskAck(frame) && this.#happens("lost");
    return isLost ? [] : [frame.bytes];
  };

  #repeatLater(bytes: Buffer): void {
    setTimeout(() => this.#toClient.write([bytes]), this.#dice.int(...LATE_MS)).unref();
  }

  #happens(what: keyof Noise): boolean {
    const happens = this.#dice.chance(this.#noise?.[what] ?? 0);
    if (happens) this.#meddled[what]++;
    return happens;
  }
}

function isMessage({ words }: Frame): boolean {
  return words[0] === "MSG" || words[0] === "HMSG";
}

/** A stream's answer to a publish. */
function isStoreAnswer({ words, payload }: Frame): boolean {
  return words[0] === "MSG" && payload.subarray(0, 10).toString("latin1") === '{"stream":';
}

/**
 * What is told, not delivered from a stream: NATS brings it at most once and in order, so that a caller who watches its job takes
 * the last of it for the newest.
 */
function isTold({ words }: Frame): boolean {
  return !words.some((word) => word.startsWith("$JS.ACK."));
}

/** A consumer's acknowledgement of a message; what extends a lease or gives back is left alone. */
function isTaskAck({ words, payload }: Frame): boolean {
  return words[1]?.startsWith("$JS.ACK.") === true && /^(\+ACK)?$/.test(payload.toString("latin1"));
}

function nameIn({ words }: Frame): string {
  const { name } = JSON.parse(words.slice(1).join(" ")) as { name?: string };
  return name ?? "";
}

/** One direction of a link: what is written leaves in order, maybe later. */
class Flow {
  delayMs = 0;
  readonly #to: Socket;
  readonly #waiting: { due: number; bytes: Buffer }[] = [];
  #held = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(to: Socket) {
    this.#to = to;
  }

  write(parts: readonly Buffer[]): void {
    const due = Date.now() + this.delayMs;
    for (const bytes of parts) this.#waiting.push({ due, bytes });
    this.#pass();
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#pass();
  }

  #pass(): void {
    if (this.#held || this.#to.destroyed) return;
    this.#to.cork();
    const now = Date.now();
    let first = this.#waiting[0];
    while (first !== undefined && first.due <= now) {
      this.#to.write(first.bytes);
      this.#waiting.shift();
      first = this.#waiting[0];
    }
    this.#to.uncork();
    if (first !== undefined) this.#passAt(first.due);
  }

  #passAt(due: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#pass(), Math.max(1, due - Date.now())).unref();
  }
}
