/** Counts what passes between clients and a server, frame by frame. */
import type { Socket } from "node:net";
import { type Frame, FrameSplitter } from "./wire.ts";

/** What has passed since the last `begin`. */
export interface WireCounts {
  /** Messages from clients to the server, and from it to clients; pings and subscriptions are none. */
  sent: number;
  delivered: number;
  /** Both ways. */
  bytes: number;
  /** Tasks that were published, and the bytes of their messages. */
  taskMessages: number;
  taskBytes: number;
  resultMessages: number;
  resultBytes: number;
  /** Most tasks that were published and not yet acknowledged. */
  mostTasksOut: number;
  /** Most writes into streams that waited for their answers. */
  mostUnanswered: number;
}

export class WireTally {
  counts: WireCounts = none();
  #tasksOut = 0;
  /** Inbox subjects on which an answer to a write is awaited. */
  readonly #unanswered = new Set<string>();

  /** Counts from nothing; what is out stays out. */
  begin(): void {
    this.counts = none();
  }

  /** For {@link startProxy}: passes everything on, and counts it. */
  readonly link = (near: Socket, far: Socket): void => {
    const up = new FrameSplitter();
    const down = new FrameSplitter();
    near.on("data", (bytes) => {
      for (const frame of up.push(bytes)) this.#onSent(frame);
      far.write(bytes);
    });
    far.on("data", (bytes) => {
      for (const frame of down.push(bytes)) this.#onDelivered(frame);
      near.write(bytes);
    });
  };

  #onSent({ words, payload, bytes }: Frame): void {
    const { counts } = this;
    counts.bytes += bytes.length;
    if (words[0] !== "PUB" && words[0] !== "HPUB") return;
    counts.sent++;
    const subject = words[1] ?? "";
    if (subject.startsWith("muster.tasks.")) this.#onTask(bytes);
    if (subject.startsWith("muster.results.")) {
      counts.resultMessages++;
      counts.resultBytes += bytes.length;
    }
    if (subject.startsWith("$JS.ACK.MUSTER_TASKS.") && payload.toString("latin1") === "+ACK")
      this.#tasksOut--;
    if (isWrite(subject)) this.#noteWrite(replyOf(words));
  }

  #onTask(bytes: Buffer): void {
    this.counts.taskMessages++;
    this.counts.taskBytes += bytes.length;
    this.#tasksOut++;
    this.counts.mostTasksOut = Math.max(this.counts.mostTasksOut, this.#tasksOut);
  }

  #noteWrite(reply: string | undefined): void {
    if (reply === undefined) return;
    this.#unanswered.add(reply);
    this.counts.mostUnanswered = Math.max(this.counts.mostUnanswered, this.#unanswered.size);
  }

  #onDelivered({ words, bytes }: Frame): void {
    this.counts.bytes += bytes.length;
    if (words[0] !== "MSG" && words[0] !== "HMSG") return;
    this.counts.delivered++;
    this.#unanswered.delete(words[1] ?? "");
  }
}

function isWrite(subject: string): boolean {
  return subject.startsWith("muster.tasks.") || subject.startsWith("muster.results.");
}

/** `PUB subject [reply] size`, `HPUB subject [reply] header-size size`. */
function replyOf(words: readonly string[]): string | undefined {
  return words.length === (words[0] === "PUB" ? 4 : 5) ? words[2] : undefined;
}

function none(): WireCounts {
  return {
    sent: 0,
    delivered: 0,
    bytes: 0,
    taskMessages: 0,
    taskBytes: 0,
    resultMessages: 0,
    resultBytes: 0,
    mostTasksOut: 0,
    mostUnanswered: 0,
  };
}
