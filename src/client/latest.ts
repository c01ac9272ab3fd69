/** A value of which only the newest counts: whoever reads slowly misses some, and holds up nobody. */
export class Latest<T> {
  #value: { value: T } | undefined;
  #over = false;
  #wake: () => void = () => {};

  set(value: T): void {
    this.#value = { value };
    this.#wake();
  }

  /** No more values come. */
  end(): void {
    this.#over = true;
    this.#wake();
  }

  /** The newest value, and then each that is the newest when it is asked for. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const held = this.#value;
      this.#value = undefined;
      if (held !== undefined) yield held.value;
      else if (this.#over) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
