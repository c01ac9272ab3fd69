/** One question, many answers. */
import type { NatsConnection } from "nats";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { GatherOptions, InMessage } from "../port.ts";
import { CoreMessage } from "./messages.ts";
import { optionsOf, type WireMessage } from "./wire.ts";

const NO_RESPONDERS = 503;

export interface GatherGround {
  nc: NatsConnection;
  clock: Clock;
  inbox: string;
}

/** Collects answers until the time is over, enough are here, or no more came for `stallMs`. */
export function gather(
  ground: GatherGround,
  message: WireMessage,
  options: GatherOptions,
): Promise<InMessage[]> {
  const { nc, clock, inbox } = ground;
  const { timeoutMs, stallMs, max = Number.POSITIVE_INFINITY, signal } = options;
  return new Promise((resolve, reject) => {
    const answers: InMessage[] = [];
    const limit = clock.after(timeoutMs, end);
    let stall: Timer | undefined;
    const subscription = nc.subscribe(inbox, {
      callback: (error, answer) => {
        if (error !== null || answer.headers?.code === NO_RESPONDERS) return end();
        answers.push(new CoreMessage(answer));
        if (answers.length >= max) return end();
        stall?.cancel();
        if (stallMs !== undefined) stall = clock.after(stallMs, end);
      },
    });
    signal?.addEventListener("abort", end, { once: true });
    nc.publish(message.subject, message.payload, optionsOf(message, inbox));

    function end(): void {
      limit.cancel();
      stall?.cancel();
      signal?.removeEventListener("abort", end);
      if (!nc.isClosed()) subscription.unsubscribe();
      if (signal?.aborted) reject(signal.reason);
      else resolve(answers);
    }
  });
}
