/** What a thread shows of itself in shared memory, so that others see where it is even while it spins or after it died. */

const ITEM = 0;
const STATE = 1;
const STOP = 2;
const FIELDS = 3;

/** Where a pass is: `waiting` until its first handler begins, `writing` when all have ended. */
export type BeaconState = "waiting" | "handling" | "writing";

const STATES: readonly BeaconState[] = ["waiting", "handling", "writing"];

/** One pass's shared memory; made by the executor, written by the thread. */
export class Beacon {
  /** Goes to the thread with the pass; the memory is shared, not copied. */
  readonly memory: Int32Array;

  constructor(
    memory: Int32Array = new Int32Array(new SharedArrayBuffer(FIELDS * Int32Array.BYTES_PER_ELEMENT)),
  ) {
    this.memory = memory;
  }

  /** The thread is about to call the handler of an item. */
  begin(offset: number): void {
    Atomics.store(this.memory, ITEM, offset);
    Atomics.store(this.memory, STATE, 1);
  }

  /** All handlers of the pass have ended. */
  end(): void {
    Atomics.store(this.memory, STATE, 2);
  }

  /** Asks the thread to begin no further item. */
  stop(): void {
    Atomics.store(this.memory, STOP, 1);
  }

  get stopped(): boolean {
    return Atomics.load(this.memory, STOP) === 1;
  }

  get state(): BeaconState {
    return STATES[Atomics.load(this.memory, STATE)] ?? "waiting";
  }

  /** The item whose handler was begun last; undefined while none was. */
  get item(): number | undefined {
    return this.state === "waiting" ? undefined : Atomics.load(this.memory, ITEM);
  }

  /** Makes the memory ready for another pass; only when no thread writes to it any longer. */
  reset(): void {
    this.memory.fill(0);
  }
}
