/** Looks at the streams past muster's own code, through the client library alone. */
import { createHash } from "node:crypto";
import { connect, type NatsConnection } from "nats";
import type { SeenOutcome } from "./history.ts";

const TIMEOUT_MS = 5_000;

interface StreamInfo {
  config: { name: string; num_replicas: number; max_bytes: number; subjects?: string[] };
  state: { messages: number; bytes: number; consumer_count: number; first_seq: number; last_seq: number };
  cluster?: { leader?: string; replicas?: { current: boolean; offline?: boolean }[] };
}

export interface ConsumerInfo {
  name: string;
  /** The server removes it when nobody used it for so long, in nanoseconds. */
  config: { inactive_threshold?: number };
}

export interface StoredMessage {
  seq: number;
  subject: string;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

interface Answer {
  error?: { err_code?: number; description?: string };
}

const NO_MESSAGE = 10037;

export class StreamsView {
  readonly #nc: NatsConnection;

  private constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  static async connect(ports: readonly number[]): Promise<StreamsView> {
    const servers = ports.map((port) => `127.0.0.1:${port}`);
    return new StreamsView(await connect({ servers, timeout: TIMEOUT_MS, maxReconnectAttempts: -1 }));
  }

  async close(): Promise<void> {
    await this.#nc.close();
  }

  // ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────

  async streams(): Promise<StreamInfo[]> {
    const found: StreamInfo[] = [];
    for (;;) {
      const page = await this.#ask<{ total: number; streams?: StreamInfo[] }>("STREAM.LIST", {
        offset: found.length,
      });
      found.push(...(page.streams ?? []));
      if (found.length >= page.total || (page.streams ?? []).length === 0) return found;
    }
  }

  async leaderOf(stream: string): Promise<string | undefined> {
    return (await this.#ask<StreamInfo>(`STREAM.INFO.${stream}`)).cluster?.leader;
  }

  /** All streams have a leader and, in a cluster, all their copies up to date. */
  async isHealthy(servers: number): Promise<boolean> {
    const { error } = await this.#ask<Answer>("INFO");
    if (error !== undefined) return false;
    if (servers === 1) return true;
    const streams = await this.streams();
    return streams.every(({ config, cluster }) => {
      const current = (cluster?.replicas ?? []).filter(({ current, offline }) => current && !offline);
      return cluster?.leader !== undefined && current.length === config.num_replicas - 1;
    });
  }

  /** Lets a stream hold no byte more than it does, for a while. */
  async limit(stream: string, during: () => Promise<void>): Promise<void> {
    const { config, state } = await this.#ask<StreamInfo>(`STREAM.INFO.${stream}`);
    await this.#ask(`STREAM.UPDATE.${stream}`, { ...config, max_bytes: Math.max(1, state.bytes) });
    try {
      await during();
    } finally {
      await this.#ask(`STREAM.UPDATE.${stream}`, config);
    }
  }

  async consumersOf(stream: string): Promise<ConsumerInfo[]> {
    return (await this.#ask<{ consumers?: ConsumerInfo[] }>(`CONSUMER.LIST.${stream}`)).consumers ?? [];
  }

  // ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** The messages of a stream, oldest first. */
  async *messages(stream: string, filter = ">"): AsyncGenerator<StoredMessage> {
    for (let seq = 1; ; seq++) {
      const message = await this.#get(stream, { seq, next_by_subj: filter });
      if (message === undefined) return;
      yield message;
      seq = message.seq;
    }
  }

  /** An object of the object store, named as `BUCKET/NAME`. */
  async object(place: string): Promise<Buffer> {
    const [bucket = "", name = ""] = place.split("/");
    const meta = await this.#get(`OBJ_${bucket}`, {
      last_by_subj: `$O.${bucket}.M.${paddedBase64(name)}`,
    });
    const { nuid } = JSON.parse(meta?.body.toString() ?? "{}") as { nuid?: string };
    const parts: Buffer[] = [];
    for await (const { body } of this.messages(`OBJ_${bucket}`, `$O.${bucket}.C.${nuid}`)) parts.push(body);
    return Buffer.concat(parts);
  }

  async #get(stream: string, query: object): Promise<StoredMessage | undefined> {
    const answer = await this.#ask<
      Answer & { message?: { seq: number; subject: string; hdrs?: string; data?: string } }
    >(`STREAM.MSG.GET.${stream}`, query, true);
    const { message, error } = answer;
    if (error !== undefined && error.err_code !== NO_MESSAGE) throw new Error(error.description);
    if (message === undefined) return undefined;
    const { seq, subject, hdrs = "", data = "" } = message;
    return { seq, subject, headers: headersIn(hdrs), body: Buffer.from(data, "base64") };
  }

  async #ask<T extends object>(verb: string, body: object = {}, mayFail = false): Promise<T> {
    const answer = await this.#nc.request(`$JS.API.${verb}`, JSON.stringify(body), { timeout: TIMEOUT_MS });
    const value = answer.json<T & Answer>();
    if (value.error !== undefined && !mayFail) throw new Error(`${verb}: ${value.error.description}`);
    return value;
  }
}

/** base64url with its padding, as object stores name their metadata. */
function paddedBase64(name: string): string {
  return Buffer.from(name).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

function headersIn(encoded: string): Record<string, string> {
  const lines = Buffer.from(encoded, "base64").toString("utf8").split("\r\n").slice(1);
  const pairs = lines.filter((line) => line !== "").map((line) => line.split(/:\s*(.*)/s, 2));
  return Object.fromEntries(pairs);
}

/** An outcome as headers and body tell it. */
export function outcomeIn(
  job: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): SeenOutcome {
  const { "Muster-State": state = "", "Muster-Items": items, "Muster-Failed": failed } = headers;
  const failures = JSON.parse(headers["Muster-Errors"] ?? "[]") as { code: string; index: number }[];
  return {
    job,
    state,
    items: Number(items ?? 0),
    failed: Number(failed ?? 0),
    buried: buriedIn(failures),
    digest: digestOf(body),
  };
}

/** The items that were given up because workers died with them. */
export function buriedIn(failures: readonly { code: string; index: number }[]): number[] {
  return failures.filter(({ code }) => code === "poison_task").map(({ index }) => index);
}

export function digestOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("base64url");
}
