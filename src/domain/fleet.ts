/** Who is there: what the beats of the actors say, and when one that fell silent counts as gone. */

export const ACTOR_ROLES = ["dispatcher", "worker", "aggregator"] as const;
/** What an actor does. */
export type ActorRole = (typeof ACTOR_ROLES)[number];

/** What an actor says of itself, every second, on `muster.control.beat`. */
export interface Beat {
  readonly id: string;
  readonly role: ActorRole;
  readonly host: string;
  readonly pid: number;
  /** Since when it runs, in milliseconds since 1970. */
  readonly since: number;
  /** Kinds that a worker serves. */
  readonly kinds?: readonly string[];
  /** Chunks that a worker runs at once. */
  readonly slots?: number;
  /** Slots that are busy, jobs or partitions that are held. */
  readonly busy?: number;
  /** Items that a worker has run since it started. */
  readonly items?: number;
  /** It leaves: it takes nothing new. */
  readonly leaving?: boolean;
}

/** The beat in a message: its subject is open to whoever may publish there, and what is odd in it must not spoil the count. */
export function readBeat(said: unknown): Beat | undefined {
  const { id, role, host, pid, since, kinds, ...rest } = (said ?? {}) as { [Field in keyof Beat]?: unknown };
  const known = ACTOR_ROLES.find((each) => each === role);
  if (typeof id !== "string" || known === undefined) return undefined;
  return {
    ...{
      id,
      role: known,
      host: typeof host === "string" ? host : "",
      pid: countOf(pid),
      since: countOf(since),
    },
    ...(Array.isArray(kinds) ? { kinds: kinds.filter((kind) => typeof kind === "string") } : {}),
    ...{ slots: countOf(rest.slots), busy: countOf(rest.busy), items: countOf(rest.items) },
    leaving: rest.leaving === true,
  };
}

function countOf(value: unknown): number {
  return Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : 0;
}

/** An actor whose last beat is older than this is gone, in milliseconds. */
export const SILENCE_MS = 5_000;
/** How often actors beat, in milliseconds. */
export const BEAT_MS = 1_000;

interface Member {
  beat: Beat;
  seen: number;
}

/** The actors that were heard of lately. */
export class Fleet {
  readonly #members = new Map<string, Member>();
  #slots = new Map<string, number>();
  #version = 0;

  /** Rises when it changes who is there, or what they serve. */
  get version(): number {
    return this.#version;
  }

  /** Takes in a beat; returns whether the actor was new. */
  onBeat(beat: Beat, now: number): boolean {
    const before = this.#members.get(beat.id)?.beat;
    if (beat.leaving) this.#members.delete(beat.id);
    else this.#members.set(beat.id, { beat, seen: now });
    if (isChange(before, beat)) this.#count();
    return before === undefined && !beat.leaving;
  }

  /** Forgets who fell silent, and returns them. */
  expire(now: number): Beat[] {
    const gone = [...this.#members.values()]
      .filter(({ seen }) => now - seen > SILENCE_MS)
      .map(({ beat }) => beat);
    for (const { id } of gone) this.#members.delete(id);
    if (gone.length > 0) this.#count();
    return gone;
  }

  /** Slots of all workers that serve the kind. */
  slotsFor(kind: string): number {
    return this.#slots.get(kind) ?? 0;
  }

  /** When an actor was last heard of; undefined when it is not known. */
  seenAt(id: string): number | undefined {
    return this.#members.get(id)?.seen;
  }

  get kinds(): string[] {
    return [...this.#slots.keys()];
  }

  members(role?: ActorRole): Beat[] {
    const all = [...this.#members.values()].map(({ beat }) => beat);
    return role === undefined ? all : all.filter((beat) => beat.role === role);
  }

  #count(): void {
    this.#version++;
    this.#slots = new Map();
    for (const { beat } of this.#members.values()) {
      for (const kind of new Set(beat.kinds)) this.#slots.set(kind, this.slotsFor(kind) + (beat.slots ?? 0));
    }
  }
}

/** Most beats say nothing new. */
function isChange(before: Beat | undefined, beat: Beat): boolean {
  if (before === undefined || beat.leaving) return true;
  return before.slots !== beat.slots || String(before.kinds) !== String(beat.kinds);
}
