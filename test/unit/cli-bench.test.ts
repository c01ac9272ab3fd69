import { describe, expect, it } from "vitest";
import type { Machine } from "../../src/cli/bench/machine.ts";
import { drawReport } from "../../src/cli/bench/picture.ts";
import { printReport } from "../../src/cli/bench/print.ts";
import { figure, type Plot, type Report, shown } from "../../src/cli/bench/report.ts";
import { axisScale } from "../../src/cli/bench/svg/scale.ts";
import { cli } from "../support/cli.ts";

const MACHINE: Machine = {
  cpu: "Some <CPU> & more",
  cores: 2,
  memoryMb: 1_024,
  system: "linux",
  loadBefore: 0.5,
  dataInMemory: false,
  versions: { muster: "1.2.3", node: "20.19.0", "nats-server": "2.15.1" },
};

const REPORT: Report = {
  scenario: "throughput",
  at: "2026-01-01T00:00:00.000Z",
  machine: MACHINE,
  settings: { runs: 3 },
  figures: [figure("tasks", "tasks/s", [20_000, 10_000, 30_000]), figure("reply", "ms", [1.5])],
};

const PLOT: Plot = {
  title: "rates",
  x: { label: "slots", scale: "log" },
  y: { label: "items/s", scale: "log" },
  series: [
    {
      name: "measured",
      style: "points",
      points: [
        [1, 20],
        [64, 1_100],
      ],
    },
    {
      name: "ideal",
      style: "dashes",
      points: [
        [1, 20],
        [64, 1_280],
      ],
    },
  ],
};

describe("a report", () => {
  it("names the machine, the versions and the spread of each figure", () => {
    const text = printReport(REPORT);
    expect(text).toContain("muster 1.2.3, node 20.19.0, nats-server 2.15.1");
    expect(text).toMatch(/tasks +20,000 +10,000 +30,000 +tasks\/s\n/);
  });

  it("is drawn as bars, a panel a unit, each as long as its median", () => {
    const svg = drawReport(REPORT);
    const widths = [...svg.matchAll(/<rect x="380"[^>]* width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    );
    expect(widths).toHaveLength(2);
    expect(widths[0]).toBeCloseTo((380 * 20_000) / 30_000, 0);
    expect(svg).toContain("Some &lt;CPU&gt; &amp; more");
  });

  it("is drawn as a plot where it has one, with every point inside the frame", () => {
    const svg = drawReport({ ...REPORT, plots: [PLOT] });
    const circles = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    expect(circles).toHaveLength(3); // Two points, and the mark of the legend.
    for (const [x, y] of circles.slice(0, 2)) {
      expect(x).toBeGreaterThanOrEqual(76);
      expect(x).toBeLessThanOrEqual(596);
      expect(y).toBeGreaterThanOrEqual(28);
      expect(y).toBeLessThanOrEqual(328);
    }
    expect(svg).toContain("stroke-dasharray");
  });
});

describe("an axis", () => {
  it("has a tick at each power of ten where it is logarithmic", () => {
    const { ticks, place } = axisScale({ label: "", scale: "log" }, [3, 700]);
    expect(ticks).toEqual([1, 10, 100, 1_000]);
    expect(place(10)).toBeCloseTo(1 / 3);
  });

  it("has a few round ticks from 0 where it is linear", () => {
    const { ticks, place } = axisScale({ label: "", scale: "linear" }, [870, 120]);
    expect(ticks).toEqual([0, 200, 400, 600, 800, 1_000]);
    expect(place(500)).toBe(0.5);
  });
});

describe("a number", () => {
  it.each([
    [31_250.4, "31,250"],
    [4.3521, "4.35"],
    [0.98312, "0.983"],
    [0, "0"],
    [Number.NaN, "–"],
  ])("%f is shown as %s", (value, text) => {
    expect(shown(value)).toBe(text);
  });
});

describe("wrong usage of bench", () => {
  it.each([
    [["bench", "thruput"], "Did you mean throughput?"],
    [["bench", "scale", "--slots", "1,x"], "whole numbers from 1 to 1000"],
    [["bench", "latency", "--size", "0"], "a number above 0"],
  ])("is said in one line: %j", async (args, words) => {
    const run = await cli(args);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain(words);
  });
});
