/** `muster demo`, what `npm start` runs, from beginning to end. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CliHome } from "../support/cli-home.ts";

let home: CliHome;
beforeEach(async () => {
  home = await CliHome.create();
});
afterEach(async () => {
  await home.remove();
});

describe("muster demo", () => {
  it("prints right answers, the law, and what to try next, and leaves nothing", {
    timeout: 180_000,
  }, async () => {
    const { code, stdout, stderr } = await home.run(["demo"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("[2,4,6,8,10]");
    expect(stdout).toContain("54,676 different words, 1,717,183 in all");
    expect(stdout).toMatch(/top-k:10: the 68,215, to 48,234, and 35,675/);
    expect(stdout).toContain("the same, word by word, as a plain count");
    expect(stdout).toMatch(/N = \d+, P = \d+ +ideal 1\.60 s +measured \d+\.\d\d s +efficiency \d+ %/);
    expect(stdout.split("\n").filter((line) => line.startsWith("   npx muster"))).toHaveLength(3);
    expect(stdout).not.toMatch(/[^\P{Cc}\n]/u);
    await home.nothingLeft();
  });

  it("stops what it started when it is interrupted", async () => {
    const demo = home.start(["demo"]);
    await demo.line(/Started nats-server/, "stdout");
    demo.signal("SIGINT");
    expect((await demo.ended).code).toBe(130);
    await home.nothingLeft();
  });
});
