/** Makes passes for tests, and reads their results. */
import type { PassRequest, PassResult } from "../../src/actors/handlers/pass.ts";

/** Never aborts. */
export const FOREVER = new AbortController().signal;

/** A pass over `items`, all of them collected, unless `more` says otherwise. */
export function passOver(
  kind: string,
  items: readonly unknown[],
  more: Partial<PassRequest> = {},
): PassRequest {
  return {
    job: "job-1",
    kind,
    from: 0,
    count: items.length,
    inputs: { type: "items", json: JSON.stringify(items) },
    reduce: { name: "collect", params: {} },
    timeout: 0,
    ...more,
  };
}

/** Outputs by job-wide item number, of a pass that collects. */
export function outputsOf(result: PassResult): Record<number, unknown> {
  const outputs: Record<number, unknown> = {};
  for (const { from, partial } of result.pieces) {
    const values: unknown[] = JSON.parse(partial);
    for (const [at, value] of values.entries()) outputs[from + at] = value;
  }
  return outputs;
}

/** Failures as `item: code`. */
export function codesOf(result: PassResult): string[] {
  return result.failures.map(({ index, code }) => `${index}: ${code}`);
}
