/** What was acquired, to be released last-in first-out, each exactly once, whatever the others do. */

type Release = () => void | Promise<void>;

export class Releasers {
  readonly #stack: Release[] = [];

  defer(release: Release): void {
    this.#stack.push(release);
  }

  /** Releases all; throws the first error after the last was tried. */
  async release(): Promise<void> {
    const errors: unknown[] = [];
    for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) {
      try {
        await next();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
