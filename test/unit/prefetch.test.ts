import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Prefetch } from "../../src/domain/prefetch.ts";

const slots = fc.integer({ min: 1, max: 256 });
const ms = fc.double({ min: 0, max: 1e5, noNaN: true });
const bytes = fc.nat(8 * 1024 * 1024);
const MOST_BYTES = 32 * 1024 * 1024;

function targetOf(slotCount: number, chunks: readonly (readonly [ms: number, bytes: number])[]): number {
  const prefetch = new Prefetch(slotCount);
  for (const chunk of chunks) prefetch.onChunk(...chunk);
  return prefetch.target;
}

/** So often that the averages are what the chunks are. */
const steadily = (chunk: readonly [number, number]) => Array.from({ length: 200 }, () => chunk);

describe("how many tasks a worker holds", () => {
  it("is twice its slots before it knows what they cost", () => {
    expect(new Prefetch(3).target).toBe(6);
  });

  it("is a whole number, no fewer than its slots, and bounded", () => {
    fc.assert(
      fc.property(slots, fc.array(fc.tuple(ms, bytes), { maxLength: 30 }), (count, chunks) => {
        const target = targetOf(count, chunks);
        expect(Number.isInteger(target)).toBe(true);
        expect(target).toBeGreaterThanOrEqual(count);
        expect(target).toBeLessThanOrEqual(Math.max(512, 2 * count));
      }),
      { numRuns: 500 },
    );
  });

  it("is near its slots for slow handlers, deep for fast ones", () => {
    expect(targetOf(4, steadily([10_000, 100]))).toBe(5);
    expect(targetOf(4, steadily([40, 100]))).toBe(8);
    expect(targetOf(4, steadily([1, 100]))).toBe(164);
    expect(targetOf(4, steadily([0, 100]))).toBe(512);
  });

  it("is one more a slot for short tasks, so that slots that end together go on together", () => {
    expect(targetOf(64, steadily([50, 100]))).toBe(128);
    expect(targetOf(64, steadily([100, 100]))).toBe(128);
    expect(targetOf(64, steadily([101, 100]))).toBeLessThan(100);
  });

  it("never grows when handlers get slower or tasks larger", () => {
    fc.assert(
      fc.property(slots, fc.tuple(ms, ms), fc.tuple(bytes, bytes), (count, times, sizes) => {
        const [fast, slow] = times.sort((a, b) => a - b);
        const [small, large] = sizes.sort((a, b) => a - b);
        const base = targetOf(count, steadily([fast, small]));
        expect(targetOf(count, steadily([slow, small]))).toBeLessThanOrEqual(base);
        expect(targetOf(count, steadily([fast, large]))).toBeLessThanOrEqual(base);
      }),
    );
  });

  it("is bounded by bytes from the first task on", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 100_000, max: 8 * 1024 * 1024 }),
        (often, size) => {
          const target = targetOf(
            1,
            Array.from({ length: often }, () => [0, size] as const),
          );
          expect((target - 1) * size).toBeLessThanOrEqual(MOST_BYTES);
        },
      ),
    );
  });

  it("goes along when the cost of a chunk changes", () => {
    const prefetch = new Prefetch(4);
    for (const [time, size] of steadily([1, 100])) prefetch.onChunk(time, size);
    for (const [time, size] of steadily([1_000, 100])) prefetch.onChunk(time, size);
    expect(prefetch.target).toBe(5);
  });
});
