import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Releasers } from "../../src/runtime/releasers.ts";

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("releasers", () => {
  it("release last-in first-out, one after the other", async () => {
    const releasers = new Releasers();
    const order: string[] = [];
    for (const name of ["a", "b", "c"]) {
      releasers.defer(async () => {
        order.push(`${name} begins`);
        await tick();
        order.push(`${name} ends`);
      });
    }
    await releasers.release();
    expect(order).toEqual(["c begins", "c ends", "b begins", "b ends", "a begins", "a ends"]);
  });

  it("release all in order, whichever fail and however, and throw the first error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom("fine", "throws", "rejects")), async (kinds) => {
        const releasers = new Releasers();
        const order: number[] = [];
        for (const [at, kind] of kinds.entries()) {
          releasers.defer(() => {
            order.push(at);
            if (kind === "throws") throw new Error(String(at));
            return kind === "rejects" ? Promise.reject(new Error(String(at))) : undefined;
          });
        }
        const failing = kinds.findLastIndex((kind) => kind !== "fine");
        const ended = await releasers.release().then(
          () => -1,
          (error: Error) => Number(error.message),
        );
        expect(ended).toBe(failing);
        expect(order).toEqual(kinds.map((_, at) => at).reverse());
      }),
    );
  });

  it("release each once, though they are asked twice, even at once", async () => {
    const releasers = new Releasers();
    let released = 0;
    for (let i = 0; i < 5; i++)
      releasers.defer(async () => {
        released++;
        await tick();
      });
    await Promise.all([releasers.release(), releasers.release()]);
    await releasers.release();
    expect(released).toBe(5);
  });

  it("release what is deferred while they release", async () => {
    const releasers = new Releasers();
    const order: string[] = [];
    releasers.defer(() => void order.push("first"));
    releasers.defer(() => {
      order.push("second");
      releasers.defer(() => void order.push("late"));
    });
    await releasers.release();
    expect(order).toEqual(["second", "late", "first"]);
  });
});
