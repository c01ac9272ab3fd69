/** Items that failed for good, as results and outcomes name them. */

/** An item that failed for good. */
export interface Failure {
  /** Its number in the job. */
  readonly index: number;
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
}

/** Failed items that an outcome names; all of them are dead letters. */
export const MAX_NAMED_FAILURES = 20;
/** Bytes that failures may take in a result or in a header, the first one apart. */
const MAX_FAILURE_BYTES = 4 * 1024;

/** A JSON array of the first few: a chunk may have thousands of failed items, but a message has its limit. */
export function jsonOfFirst(
  failures: readonly Failure[],
  characters: number,
  write: (failure: Failure) => string,
): string {
  const named: string[] = [];
  let bytes = 0;
  for (const failure of failures.slice(0, MAX_NAMED_FAILURES)) {
    const text = write({ ...failure, message: failure.message.slice(0, characters) });
    bytes += Buffer.byteLength(text);
    if (named.length > 0 && bytes > MAX_FAILURE_BYTES) break;
    named.push(text);
  }
  return `[${named.join(",")}]`;
}

/** The failures of a JSON array; none where it is anything else. */
export function parseFailures(text: string): Failure[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every(isFailure) ? value : [];
  } catch {
    return [];
  }
}

export function isFailure(value: unknown): value is Failure {
  if (typeof value !== "object" || value === null) return false;
  const { index, code, message, attempts } = value as Partial<Failure>;
  return (
    Number.isSafeInteger(index) &&
    typeof code === "string" &&
    typeof message === "string" &&
    Number.isSafeInteger(attempts)
  );
}
