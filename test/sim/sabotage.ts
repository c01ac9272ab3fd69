/**
 * Bugs that are planted one at a time, to see that the checker can fail. Each changes what an actor asks of its broker, as
 * if the actor had been written so; the actors themselves are let be. docs/planted-bugs.md has the table.
 */
import type { Broker, Delivery } from "../../src/broker/port.ts";
import { WriteConflict } from "../../src/errors.ts";
import {
  countEverything,
  dropStores,
  ignoreFailures,
  onDeliveries,
  onLast,
  onStores,
  withJson,
  withLines,
  withoutExpectation,
} from "./tampering.ts";

export interface Sabotage {
  /** What is wrong, as a reviewer would say it. */
  bug: string;
  /** The file that would have it. */
  where: string;
  /** Changes the broker of one process of such a role. */
  roles?: readonly string[];
  broker?(broker: Broker): void;
  /** Changes the machines; returns what undoes it. */
  machines?(): () => void;
}

const worker = ["worker"];
const dispatcher = ["dispatcher"];
const aggregator = ["aggregator"];

export const SABOTAGES: Readonly<Record<string, Sabotage>> = {
  // ── workers ────────────────────────────────────────────────────────────────────────────────────────────────
  "task-acked-first": {
    bug: "A worker acknowledges a task before its result is stored.",
    where: "src/actors/worker/worker.ts",
    roles: worker,
    broker: (broker) => onDeliveries(broker, (delivery) => delivery.ack()),
  },
  "result-not-retried": {
    bug: "A worker takes a result for stored when no answer came.",
    where: "src/actors/store-surely.ts",
    roles: worker,
    broker: (broker) => ignoreFailures(broker, ".results."),
  },
  "lease-not-renewed": {
    bug: "A worker does not renew the leases of its tasks.",
    where: "src/actors/worker/worker.ts",
    roles: worker,
    broker: (broker) =>
      onDeliveries(broker, (delivery) => {
        delivery.working = () => {};
      }),
  },
  "nak-acknowledges": {
    bug: "A worker that leaves acknowledges what it should give back.",
    where: "src/actors/worker/worker.ts",
    roles: worker,
    broker: (broker) => onDeliveries(broker, nakAcknowledges),
  },
  "dead-letters-lost": {
    bug: "A dead letter is taken for stored when no answer came.",
    where: "src/actors/worker/settle.ts",
    roles: worker,
    broker: (broker) => ignoreFailures(broker, ".dead."),
  },
  "dead-letters-twice": {
    bug: "A dead letter has no message id, and comes again with its task.",
    where: "src/actors/worker/settle.ts",
    roles: worker,
    broker: (broker) => onStores(broker, ".dead.", ({ msgId: _, ...rest }) => rest),
  },
  "failures-uncounted": {
    bug: "A result does not say how many of its items failed.",
    where: "src/protocol/messages.ts",
    roles: worker,
    broker: (broker) =>
      onStores(broker, ".results.", ({ headers: { "Muster-Failed": _, ...headers } = {}, ...rest }) => ({
        ...rest,
        headers,
      })),
  },
  "deaths-not-counted": {
    bug: "A worker leaves no mark of a task that it may die with.",
    where: "src/actors/worker/deaths.ts",
    roles: worker,
    broker: (broker) => dropStores(broker, /\.deaths\./),
  },
  "poison-never-buried": {
    bug: "However many workers died with a task, one death is read.",
    where: "src/actors/worker/deaths.ts",
    roles: worker,
    broker: (broker) => onLast(broker, ".deaths.", (mark) => ({ ...mark, data: Buffer.from("1") })),
  },
  "split-loses-parts": {
    bug: "Of a task that killed its workers only the first part is stored.",
    where: "src/actors/worker/settle.ts",
    roles: worker,
    broker: (broker) => {
      const storeBatch = broker.storeBatch.bind(broker);
      broker.storeBatch = (messages) => storeBatch(messages.slice(0, 1));
    },
  },

  // ── dispatchers ────────────────────────────────────────────────────────────────────────────────────────────
  "job-acked-first": {
    bug: "A dispatcher acknowledges a job when it takes it, not when its outcome stands.",
    where: "src/actors/dispatcher/dispatcher.ts",
    roles: dispatcher,
    broker: (broker) => onDeliveries(broker, (delivery) => delivery.ack()),
  },
  "delayed-job-dropped": {
    bug: "A job whose time has not come is acknowledged instead of given back.",
    where: "src/actors/dispatcher/dispatcher.ts",
    roles: dispatcher,
    broker: (broker) => onDeliveries(broker, nakAcknowledges),
  },
  "cursor-without-cas": {
    bug: "The cursor is moved without compare-and-set.",
    where: "src/actors/dispatcher/cursor.ts",
    broker: (broker) => withoutExpectation(broker, ".cursors."),
  },
  "cursor-not-read": {
    bug: "A takeover begins at the first item, whatever the cursor says.",
    where: "src/actors/dispatcher/job-run.ts",
    roles: dispatcher,
    broker: (broker) =>
      onLast(broker, ".cursors.", (message) =>
        withJson<CursorBody>(message, (cursor) => (cursor.ended ? cursor : { ...cursor, next: 0, tasks: 0 })),
      ),
  },
  "cursor-off-by-one": {
    bug: "A takeover goes on one item behind the cursor.",
    where: "src/actors/dispatcher/job-run.ts",
    roles: dispatcher,
    broker: (broker) =>
      onLast(broker, ".cursors.", (message) =>
        withJson<CursorBody>(message, (cursor) => ({ ...cursor, next: cursor.next + 1 })),
      ),
  },
  "conflict-tidies-up": {
    bug: "A dispatcher that lost the race for a job takes it for over: it closes the cursor and purges the tasks.",
    where: "src/actors/dispatcher/job-run.ts",
    roles: dispatcher,
    broker: conflictTidiesUp,
  },
  "no-tombstone": {
    bug: "The cursor of a job that is over is left open.",
    where: "src/actors/dispatcher/cursor.ts",
    broker: (broker) => dropStores(broker, /\.cursors\./),
  },
  "chunks-change-at-takeover": {
    bug: "A small job that is taken over is cut otherwise than before.",
    where: "src/domain/plan.ts",
    roles: dispatcher,
    broker: (broker) =>
      onDeliveries(broker, (delivery) => {
        if (delivery.deliveries === 1) return;
        const headers = { ...delivery.headers, "Muster-chunk": "5" };
        Object.defineProperty(delivery, "headers", { value: headers });
      }),
  },
  "credit-twice": {
    bug: "A dispatcher counts what came back twice.",
    where: "src/domain/scatter.ts",
    roles: dispatcher,
    broker: doubleCredit,
  },
  "purge-too-wide": {
    bug: "With the tasks of a job that is over those of all jobs are purged.",
    where: "src/actors/dispatcher/job-run.ts",
    roles: dispatcher,
    broker: (broker) => {
      const purge = broker.purge.bind(broker);
      broker.purge = (stream, subject, before) =>
        purge(stream, subject.replace(/^muster\.tasks\..*/, "muster.tasks.>"), before);
    },
  },

  // ── aggregators ────────────────────────────────────────────────────────────────────────────────────────────
  "no-deduplication": {
    bug: "A result counts however often it comes.",
    where: "src/domain/gather.ts",
    machines: countEverything,
  },
  "deduplication-by-message-id": {
    bug: "Results are told apart by message id, which the server remembers for two minutes, and by nothing else.",
    where: "src/domain/gather.ts",
    roles: worker,
    broker: (broker) => onStores(broker, ".results.", withResultId),
    machines: countEverything,
  },
  "states-not-checkpointed": {
    bug: "The position of a partition moves past results that no job's checkpoint has.",
    where: "src/actors/aggregator/persistence.ts",
    broker: (broker) => dropStores(broker, /\.checkpoints\.\d+\./),
  },
  "position-ahead": {
    bug: "The position of a partition is where it reads, not where it counts: results that lie in the object store are passed.",
    where: "src/actors/aggregator/partition.ts",
    roles: aggregator,
    broker: positionAhead,
  },
  "trimmed-too-far": {
    bug: "Results are trimmed up to the newest, not up to the position.",
    where: "src/actors/aggregator/persistence.ts",
    broker: (broker) => {
      const purge = broker.purge.bind(broker);
      broker.purge = (stream, subject) => purge(stream, subject);
    },
  },
  "late-checkpoints-stay": {
    bug: "A checkpoint that was stored after the end of its job is left.",
    where: "src/actors/aggregator/partition.ts",
    roles: aggregator,
    broker: lateCheckpointsStay,
  },
  "takeover-at-the-end": {
    bug: "A takeover reads what comes from now on, not what came behind the position.",
    where: "src/actors/aggregator/partition.ts",
    roles: aggregator,
    broker: (broker) => {
      const tail = broker.tail.bind(broker);
      broker.tail = async (options) => {
        if (options.stream !== "MUSTER_RESULTS") return await tail(options);
        const { lastSeq } = await broker.streamState(options.stream);
        return await tail({ ...options, fromSeq: lastSeq + 1 });
      };
    },
  },
  "progress-as-differences": {
    bug: "An aggregator tells what came since it last told, not how far a job is.",
    where: "src/actors/aggregator/partition.ts",
    roles: aggregator,
    broker: progressAsDifferences,
  },

  // ── outcomes ───────────────────────────────────────────────────────────────────────────────────────────────
  "outcome-without-cas": {
    bug: "An outcome is written without compare-and-set.",
    where: "src/actors/outcomes.ts",
    broker: (broker) => withoutExpectation(broker, ".outcomes."),
  },
  "second-tells-its-own": {
    bug: "Whoever is second to end a job tells its own outcome, not the one that stands.",
    where: "src/actors/outcomes.ts",
    broker: (broker) => ignoreFailures(broker, ".outcomes."),
  },
};

interface CursorBody {
  next: number;
  tasks: number;
  ended?: boolean;
}

function nakAcknowledges(delivery: Delivery): void {
  delivery.nak = () => delivery.ack();
}

function doubleCredit(broker: Broker): void {
  const subscribe = broker.subscribe.bind(broker);
  broker.subscribe = (subject, onMessage, queue) => {
    if (!subject.endsWith(".control.progress")) return subscribe(subject, onMessage, queue);
    return subscribe(subject, (message) => {
      const data = withLines(message.data, ([job, tasks, ...rest]) => [job, tasks * 2, ...rest]);
      onMessage({ ...message, data: Buffer.from(data) });
    });
  };
}

function conflictTidiesUp(broker: Broker): void {
  const storeBatch = broker.storeBatch.bind(broker);
  broker.storeBatch = async (messages) => {
    try {
      return await storeBatch(messages);
    } catch (error) {
      const subject = messages.at(-1)?.subject ?? "";
      if (error instanceof WriteConflict && subject.includes(".cursors.")) await tidyUp(broker, subject);
      throw error;
    }
  };
}

async function tidyUp(broker: Broker, cursor: string): Promise<void> {
  const data = JSON.stringify({ next: 0, tasks: 0, by: "", ended: true });
  await broker.store({ subject: cursor, data, rollup: true, ttlSeconds: 120 });
  await broker.purge("MUSTER_TASKS", cursor.replace("muster.cursors.", "muster.tasks.*.*."));
}

function withResultId<T extends { subject: string; headers?: Readonly<Record<string, string>> }>(
  message: T,
): T {
  return { ...message, msgId: `${message.subject} ${message.headers?.["Muster-Items"]}` };
}

function positionAhead(broker: Broker): void {
  let read = 0;
  const tail = broker.tail.bind(broker);
  broker.tail = (options) =>
    tail({
      ...options,
      onMessage: (message) => {
        if (options.stream === "MUSTER_RESULTS") read = Math.max(read, message.seq);
        options.onMessage(message);
      },
    });
  onStores(broker, ".checkpoints.", (message) => {
    if (!/\.checkpoints\.\d+$/.test(message.subject)) return message;
    return { ...message, data: JSON.stringify({ fromSeq: read + 1, by: "" }) };
  });
}

/** The look for late ones differs from that of a takeover: the position was not read right before. */
function lateCheckpointsStay(broker: Broker): void {
  const last = broker.last.bind(broker);
  let isTakeover = false;
  broker.last = async (stream, subject) => {
    const isTidying = subject.includes(".checkpoints.") && subject.endsWith("*") && !isTakeover;
    isTakeover = /\.checkpoints\.\d+$/.test(subject);
    return isTidying ? undefined : await last(stream, subject);
  };
}

function progressAsDifferences(broker: Broker): void {
  const told = new Map<string, [tasks: number, items: number]>();
  const publish = broker.publish.bind(broker);
  broker.publish = (message) => {
    if (message.subject !== "muster.control.progress") return publish(message);
    const data = withLines(message.data ?? "", ([job, tasks, items, ...rest]) => {
      const [tasksBefore, itemsBefore] = told.get(job) ?? [0, 0];
      told.set(job, [tasks, items]);
      return [job, Math.max(0, tasks - tasksBefore), Math.max(0, items - itemsBefore), ...rest];
    });
    publish({ ...message, data });
  };
}
