/** The NATS service protocol (ADR-32), so that `nats micro ls`, `info`, `stats` and `ping` show the fleet. */
import type { InMessage, Subscription } from "../broker/port.ts";
import { Service } from "../runtime/service.ts";
import type { ActorContext } from "./context.ts";

export interface EndpointStats {
  name: string;
  subject: string;
  requests: number;
  errors: number;
  lastError: string;
  /** Milliseconds spent on all requests. */
  processingMs: number;
}

export interface ServiceDescription {
  /** `[A-Za-z0-9_-]+`, as `nats micro ls` shows it. */
  name: string;
  description: string;
  metadata: Readonly<Record<string, string>>;
  endpoints(): EndpointStats[];
}

const VERBS = ["PING", "INFO", "STATS"] as const;
type Verb = (typeof VERBS)[number];
const NANOS_PER_MS = 1_000_000;

export class ServiceAnswers extends Service {
  readonly #context: ActorContext;
  readonly #described: ServiceDescription;
  readonly #started: string;
  readonly #subscriptions: Subscription[] = [];

  constructor(context: ActorContext, described: ServiceDescription) {
    super();
    this.#context = context;
    this.#described = described;
    this.#started = new Date(context.clock.now()).toISOString();
  }

  protected async onStart(): Promise<void> {
    const { broker, id } = this.#context;
    const { name } = this.#described;
    for (const verb of VERBS) {
      const answer = (message: InMessage) => this.#answer(verb, message);
      for (const subject of [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${id}`]) {
        this.#subscriptions.push(broker.subscribe(subject, answer));
      }
    }
  }

  protected async onStop(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.close();
  }

  #answer(verb: Verb, { reply }: InMessage): void {
    if (reply === undefined) return;
    const { broker, id, version } = this.#context;
    const { name, metadata } = this.#described;
    const identity = { type: `io.nats.micro.v1.${verb.toLowerCase()}_response`, name, id, version, metadata };
    broker.publish({ subject: reply, data: JSON.stringify({ ...identity, ...this.#body(verb) }) });
  }

  #body(verb: Verb): object {
    const { description, endpoints } = this.#described;
    if (verb === "PING") return {};
    if (verb === "STATS") return { started: this.#started, endpoints: endpoints().map(statsOf) };
    const listed = endpoints().map(({ name, subject }) => ({
      name,
      subject,
      queue_group: QUEUE,
      metadata: {},
    }));
    return { description, endpoints: listed };
  }
}

const QUEUE = "muster";

function statsOf({ name, subject, requests, errors, lastError, processingMs }: EndpointStats): object {
  const nanos = Math.round(processingMs * NANOS_PER_MS);
  return {
    name,
    subject,
    queue_group: QUEUE,
    num_requests: requests,
    num_errors: errors,
    last_error: lastError,
    processing_time: nanos,
    average_processing_time: requests === 0 ? 0 : Math.round(nanos / requests),
  };
}
