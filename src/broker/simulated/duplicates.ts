/** The message ids that a stream remembers, for the length of its duplicate window. */

interface Seen {
  seq: number;
  time: number;
}

export class DuplicateWindow {
  /** In the order of time. */
  readonly #seen = new Map<string, Seen>();

  /** The sequence under which the id was stored. */
  find(id: string | undefined): number | undefined {
    return id === undefined ? undefined : this.#seen.get(id)?.seq;
  }

  add(id: string, seq: number, time: number): void {
    this.#seen.set(id, { seq, time });
  }

  /** Forgets what was stored before `time`. */
  forgetBefore(time: number): void {
    for (const [id, seen] of this.#seen) {
      if (seen.time > time) return;
      this.#seen.delete(id);
    }
  }

  /** Forgets the ids whose messages are gone: a restarted server reads ids back from what it still stores. */
  keepOnly(isStored: (seq: number) => boolean): void {
    for (const [id, { seq }] of this.#seen) if (!isStored(seq)) this.#seen.delete(id);
  }
}
