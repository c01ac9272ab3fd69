/**
 * Work that may be done at once. A promise, and the frame of an async function, cost as much as a small task's whole work:
 * where the common case needs to wait for nothing, it gets by without.
 */

/** A value, or a promise of one. */
export type MaybePromise<T> = T | Promise<T>;

/** Goes on with the value: at once where it is there. */
export function whenThere<T, U>(value: MaybePromise<T>, go: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(go) : go(value);
}

/** `try … catch` around work that may be done at once. */
export function orElse<T>(
  work: () => MaybePromise<T>,
  mend: (error: unknown) => MaybePromise<T>,
): MaybePromise<T> {
  try {
    const result = work();
    return result instanceof Promise ? result.then(undefined, mend) : result;
  } catch (error) {
    return mend(error);
  }
}

/** `try … finally` around work that may be done at once. */
export function thenFinally<T>(work: () => MaybePromise<T>, last: () => void): MaybePromise<T> {
  let result: MaybePromise<T>;
  try {
    result = work();
  } catch (error) {
    last();
    throw error;
  }
  if (result instanceof Promise) return result.finally(last);
  last();
  return result;
}
