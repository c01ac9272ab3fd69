/** Where a simulation may interfere: every message between a client and the server passes one of these hooks. */

/** What becomes of one message on the wire. Later messages overtake one that is delayed. */
export type Fate = "pass" | "drop" | "twice" | { delayMs: number };

/** The message whose fate is asked for. */
export interface Passage {
  /** Name of the client that sends or receives it. */
  client: string;
  subject: string;
}

/** A delivery, or the settling of one. */
export interface LeasePassage extends Passage {
  stream: string;
  consumer: string;
  seq: number;
  deliveries: number;
}

/**
 * Decides the fate of messages; a hook that is left out lets everything pass. Tails can only be slow: the real ones
 * notice gaps and read again, so they are in order and complete whatever happens below.
 */
export interface FaultPlan {
  /** A store or batch on its way to the server. Dropped: not stored, and the publisher gets WriteUnknown. */
  onPublish?(passage: Passage): Fate;
  /** The acknowledgement of a store or batch. Dropped: stored, and the publisher gets WriteUnknown. */
  onPublishAck?(passage: Passage): Fate;
  /** A delivery of a consumer on its way to the client. */
  onDeliver?(passage: LeasePassage): Fate;
  /** An ack, nak, term or sign of life on its way to the server. */
  onSettle?(passage: LeasePassage): Fate;
  /** A question that changes nothing, or a purge, on its way to the server. Dropped: the client gets RequestFailed. */
  onLook?(passage: Passage): Fate;
  /** Its answer. */
  onLookAnswer?(passage: Passage): Fate;
  /** How many milliseconds a message takes from the server to a client that tails its stream. */
  onTail?(passage: Passage): number;
  /** A core message on its way from the server to one subscriber, answers included. */
  onCore?(passage: Passage): Fate;
}
