/** A short run of the fuzzer, and all inputs that longer ones found something with: `npm run fuzz` is the long run. */
import { describe, expect, it } from "vitest";
import { judge } from "./judge.ts";
import { kept } from "./regressions.ts";
import { fuzz, Inputs } from "./session.ts";
import { shrunk } from "./shrink.ts";
import { mustHold, type Target } from "./target.ts";
import { TARGETS } from "./targets/index.ts";

const SEED = 20_261_124;
const INPUTS = 20_000;

describe("hostile input", () => {
  const inputs = Math.ceil(INPUTS / TARGETS.length);

  it.each(TARGETS.map((target) => [target.name, target] as const))(
    "of %s is read, or refused with a typed error",
    async (_name, target) => {
      const tally = await fuzz(target, { seed: SEED, inputs });
      expect(tally.findings).toEqual([]);
      expect(tally.inputs).toBe(inputs);
      expect(tally.valid).toBeGreaterThan(0);
    },
  );

  it.each(kept())("that once broke $target still does not: $found", async ({ target: name, input }) => {
    const target = TARGETS.find((each) => each.name === name);
    if (target === undefined) return expect.fail(`there is no target ${name}`);
    expect((await judge(target, input)).type).not.toBe("finding");
  });
});

describe("the fuzzer", () => {
  const [target] = TARGETS as [Target, ...Target[]];
  const broken = (check: Target["check"]): Target => ({ ...target, check });

  it("makes the same inputs of the same seed, and others of another", () => {
    const some = (seed: number) =>
      Array.from({ length: 50 }, (_, number) => new Inputs(target, seed).at(number));
    expect(some(1)).toEqual(some(1));
    expect(some(1)).not.toEqual(some(2));
  });

  it.each<[string, Target["check"]]>([
    ["an untyped error", ({ data = "" }) => void JSON.parse(data.includes("1") ? "{" : "[]")],
    ["what must hold and does not", ({ data = "" }) => mustHold(!data.includes("1"), "no ones")],
    ["a rejection", async ({ data = "" }) => mustHold(!data.includes("1"), "no ones")],
  ])("finds %s, and makes the input small", async (_what, check) => {
    const { findings } = await fuzz(broken(check), { seed: 1, inputs: 500 });
    expect(findings[0]?.input).toEqual({ data: "1" });
  });

  it("finds a prototype that was changed", () => {
    const pollute = () => Reflect.set(Object.prototype, "polluted", 1);
    try {
      expect(
        judge(
          broken(() => void pollute()),
          {},
        ),
      ).toMatchObject({ type: "finding" });
    } finally {
      Reflect.deleteProperty(Object.prototype, "polluted");
    }
  });

  it("makes an input as small as what is found allows", async () => {
    const small = await shrunk({ a: "xxaxxbxx", b: "c" }, async ({ a = "" }) => /a.*b/.test(a));
    expect(small).toEqual({ a: "ab" });
  });
});
