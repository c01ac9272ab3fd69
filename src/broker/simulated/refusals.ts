/** What a server refuses, by the codes of the real one, and the typed errors that clients make of them. */
import {
  BrokerRefused,
  type MusterError,
  StorageFull,
  TopologyMismatch,
  WriteConflict,
} from "../../errors.ts";

export interface Refusal {
  code: number;
  description: string;
}

export const REFUSAL = {
  streamNotFound: { code: 10059, description: "stream not found" },
  consumerNotFound: { code: 10014, description: "consumer not found" },
  subjectsOverlap: { code: 10065, description: "subjects overlap with an existing stream" },
  needsAcks: {
    code: 10084,
    description: "consumer in pull mode requires explicit ack policy on workqueue stream",
  },
  filtersOverlap: { code: 10100, description: "filtered consumer not unique on workqueue stream" },
  maxBytes: { code: 10077, description: "maximum bytes exceeded" },
  rollupNotPermitted: { code: 10111, description: "rollup not permitted" },
  ttlDisabled: { code: 10166, description: "per-message TTL is disabled" },
  ttlInvalid: { code: 10165, description: "invalid per-message TTL" },
  batchDisabled: { code: 10174, description: "atomic publish is disabled" },
  batchIncomplete: { code: 10176, description: "atomic publish batch is incomplete" },
  batchTooLarge: { code: 10199, description: "atomic publish batch is too large: 1000" },
  batchDuplicate: { code: 10201, description: "atomic publish batch contains duplicate message id" },
  subjectTwice: { code: 10164, description: "wrong last sequence" },
  wrongLast: (seq: number) => ({ code: 10071, description: `wrong last sequence: ${seq}` }),
} as const;

/** The typed error for a refusal; `what` is the subject or name that was asked for. */
export function refused(what: string, { code, description }: Refusal): MusterError {
  switch (code) {
    case 10071:
    case 10164:
      return new WriteConflict(what);
    case 10077:
      return new StorageFull(what, description);
    case 10100:
    case 10065:
      return new TopologyMismatch(what, description);
    default:
      return new BrokerRefused(what, code, description);
  }
}
