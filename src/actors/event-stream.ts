/** The life-cycle events that are published to `muster.events.<type>.<job>`: telemetry, at most once and at a bounded rate. */
import type { EventType } from "../protocol/names.ts";
import type { EventMap, EventName } from "../telemetry/events.ts";
import type { ActorContext } from "./context.ts";

/** Events a second that one actor publishes at most; the outcomes themselves tell of every job. */
const RATE = 500;

type Published = { [N in EventName]?: (payload: EventMap[N]) => [type: EventType, subject: string] };

/** What stands for the job in the subject of an event that is about an actor. */
const PUBLISHED: Published = {
  "job.accepted": ({ job }) => ["accepted", job],
  "job.invalid": ({ job }) => ["invalid", job],
  "job.finished": ({ job }) => ["finished", job],
  "actor.started": ({ id }) => ["joined", id],
  "actor.stopped": ({ id }) => ["left", id],
};

/** Publishes until the returned function is called. */
export function publishEvents(context: ActorContext): () => void {
  const { events, broker, names, clock } = context;
  let second = 0;
  let sent = 0;
  return events.onAny((name, payload) => {
    const describe = PUBLISHED[name] as ((payload: EventMap[EventName]) => [EventType, string]) | undefined;
    if (describe === undefined) return;
    const now = clock.now();
    if (Math.floor(now / 1000) !== second) {
      second = Math.floor(now / 1000);
      sent = 0;
    }
    if (sent++ >= RATE) return;
    const [type, subject] = describe(payload);
    broker.publish({
      subject: names.event(type, subject),
      data: JSON.stringify({ type, time: new Date(now).toISOString(), by: context.id, ...payload }),
    });
  });
}
