/**
 * Which partitions an aggregator serves: a pure decision over what the lease bucket holds. Leases are for efficiency
 * only; two aggregators that both believe they own a partition still produce one outcome.
 *
 * Clocks are never compared: a lease is dead when its entry did not change for its whole length, as seen by the
 * observer's own clock.
 */

import { BEAT_MS } from "./fleet.ts";

/** A lease as the bucket holds it. */
export interface LeaseEntry {
  readonly partition: number;
  readonly owner: string;
  readonly revision: number;
}

/** What an observer remembers of a lease: since when it has seen this revision. */
export interface Observed extends LeaseEntry {
  readonly seen: number;
}

export type LeaseStep =
  | { type: "claim"; partition: number; revision: number | undefined }
  | { type: "renew"; partition: number; revision: number }
  | { type: "release"; partition: number; revision: number };

export interface LeaseView {
  me: string;
  partitions: number;
  /** The ids of all aggregators that are alive, me included. */
  alive: readonly string[];
  leases: ReadonlyMap<number, Observed>;
  leaseMs: number;
  now: number;
}

/** Keeps the time at which each revision was first seen. */
export function observe(
  before: ReadonlyMap<number, Observed>,
  entries: readonly LeaseEntry[],
  now: number,
): Map<number, Observed> {
  return new Map(
    entries.map((entry) => {
      const known = before.get(entry.partition);
      const seen = known?.revision === entry.revision ? known.seen : now;
      return [entry.partition, { ...entry, seen }];
    }),
  );
}

/** An aggregator as its beats tell of it. */
export interface Peer {
  readonly id: string;
  /** When it was last heard of. */
  readonly seen: number;
}

/**
 * The ids of those who count when partitions are shared out: who missed a beat by a whole lease does not, and has lost what
 * leases it had. Nor does the owner of a dead lease until it is heard of again: its last beats may be newer than its death is
 * old. `suspects` keeps since when each is suspected.
 */
export function countAlive(
  peers: readonly Peer[],
  suspects: Map<string, number>,
  { leases, me, leaseMs, now }: Pick<LeaseView, "leases" | "me" | "leaseMs" | "now">,
): string[] {
  for (const lease of leases.values()) {
    if (isDead(lease, { me, leaseMs, now }) && !suspects.has(lease.owner)) suspects.set(lease.owner, now);
  }
  for (const [id, since] of suspects) {
    const seen = peers.find((peer) => peer.id === id)?.seen;
    if (seen === undefined || seen > since) suspects.delete(id);
  }
  return peers
    .filter(({ id, seen }) => now - seen <= BEAT_MS + leaseMs && !suspects.has(id))
    .map(({ id }) => id);
}

/** What to do now: renew mine, claim what is free up to a fair share, release what is beyond it. */
export function leaseSteps(view: LeaseView): LeaseStep[] {
  const mine = [...view.leases.values()].filter(({ owner }) => owner === view.me);
  const share = fairShare(view);
  const kept = mine
    .slice(0, share)
    .map(({ partition, revision }) => ({ type: "renew", partition, revision }) as const);
  const surplus = mine
    .slice(share)
    .map(({ partition, revision }) => ({ type: "release", partition, revision }) as const);
  return [...kept, ...surplus, ...claims(view, share - kept.length)];
}

/** Partitions for me: all of them divided by who is alive, the remainder to the first by name. */
function fairShare({ me, partitions, alive }: LeaseView): number {
  const sorted = [...new Set([...alive, me])].sort();
  const base = Math.floor(partitions / sorted.length);
  return base + (sorted.indexOf(me) < partitions % sorted.length ? 1 : 0);
}

function claims(view: LeaseView, room: number): LeaseStep[] {
  const steps: LeaseStep[] = [];
  for (let partition = 0; partition < view.partitions && steps.length < room; partition++) {
    const lease = view.leases.get(partition);
    if (lease === undefined || isDead(lease, view)) {
      steps.push({ type: "claim", partition, revision: lease?.revision });
    }
  }
  return steps;
}

function isDead(lease: Observed, { me, leaseMs, now }: Pick<LeaseView, "me" | "leaseMs" | "now">): boolean {
  return lease.owner !== me && now - lease.seen > leaseMs;
}
