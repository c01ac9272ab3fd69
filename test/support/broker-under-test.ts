/** Brings up a broker for tests, simulated or real, with the same controls over clients, time and the server. */
import type { Broker } from "../../src/broker/port.ts";

/** What a test wants of a connection. */
export interface ClientOptions {
  /** How long a pull request stays open at the server, in milliseconds. */
  pullExpiresMs?: number;
  /** How long an acknowledgement may take, in milliseconds. */
  timeoutMs?: number;
}

/** A server with clients of one test. */
export interface Bed {
  connect(options?: ClientOptions): Promise<Broker>;
  /** Ends a client as SIGKILL does: nothing it sends arrives any more. */
  kill(broker: Broker): void;
  /** Loses a client's connection; it connects again after {@link heal}. */
  cut(broker: Broker): void;
  heal(broker: Broker): void;
  /** Ends the server, by SIGKILL if `kill` is set, and starts it again on what it stored. */
  restart(options?: { kill?: boolean }): Promise<void>;
  /** Lets time pass: the only waiting on time that tests may do. */
  elapse(ms: number): Promise<void>;
  /** Lets what is under way arrive, to assert afterwards that something did not. */
  settle(): Promise<void>;
  now(): number;
  /** Closes all connections of the test. */
  closeClients(): Promise<void>;
  stop(): Promise<void>;
}

export type MakeBed = () => Promise<Bed>;
