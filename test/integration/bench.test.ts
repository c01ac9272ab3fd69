/** `muster bench`, on jobs that are far too small to say anything. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CliHome } from "../support/cli-home.ts";

let home: CliHome;
beforeEach(async () => {
  home = await CliHome.create();
});
afterEach(async () => {
  await home.remove();
});

const SMALL = ["--runs", "2", "--size", "0.004", "--workers", "1"];

describe("muster bench", () => {
  it("prints what it measured, keeps it as data and as a picture, and leaves nothing", async () => {
    const files = ["--json", "found.json", "--svg", "found.svg"];
    const { code, stdout } = await home.run(["bench", "throughput", ...SMALL, ...files], { cwd: home.home });
    expect(code).toBe(0);
    expect(stdout).toMatch(/single-item tasks, 1 worker +[\d,.]+ +[\d,.]+ +[\d,.]+ +tasks\/s\n/);
    const report = JSON.parse(await readFile(join(home.home, "found.json"), "utf8"));
    expect(report).toMatchObject({ scenario: "throughput", settings: { runs: 2, workers: [1] } });
    expect(report.figures.map(({ values }: { values: number[] }) => values.length)).toEqual([2, 2, 2]);
    expect(await readFile(join(home.home, "found.svg"), "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
    await home.nothingLeft();
  });

  it("stops what it started when it is interrupted", async () => {
    const bench = home.start(["bench", "fairness", "--runs", "50"]);
    await bench.line(/2 workers/);
    bench.signal("SIGINT");
    expect((await bench.ended).code).toBe(130);
    await home.nothingLeft();
  });
});
