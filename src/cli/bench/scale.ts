/** The scaling law, measured: T against ⌈N/P⌉·Ts, for slots of one process and for processes; and simulated, for nodes. */
import { efficiency, idealMs, overheadMs } from "../../domain/scaling/law.ts";
import { fitUsl, type UslFit } from "../../domain/scaling/usl.ts";
import { median } from "../../domain/statistics.ts";
import { type Figure, type Findings, figure, type Plot, type Series, shown, type Table } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { simulated } from "./simulate.ts";
import { type Measured, measureStudy, ratePoint, STUDIES, type Study } from "./studies.ts";
import { fitSeries, idealSeries } from "./usl-series.ts";

export const scale: Scenario = {
  name: "scale",
  summary: "the scaling law, measured and (--simulate) simulated up to 10,000 nodes",
  run: measureScale,
};

async function measureScale(bench: Bench): Promise<Findings> {
  const studied: { study: Study; points: Measured[]; fit: UslFit | undefined }[] = [];
  for (const study of STUDIES) {
    bench.tell(study.name);
    const points = await measureStudy(bench, study);
    studied.push({ study, points, fit: fitUsl(points.map(ratePoint)) });
  }
  const model = bench.options.simulate ? await simulated(bench, studied) : undefined;
  return {
    figures: [...studied.flatMap(({ study, points }) => figuresOf(study, points)), ...(model?.figures ?? [])],
    tables: [
      ...studied.map(({ study, points, fit }) => tableOf(study, points, fit)),
      ...(model?.tables ?? []),
    ],
    plots: [...studied.map(({ study, points, fit }) => plotOf(study, points, fit)), ...(model?.plots ?? [])],
    facts: { usl: Object.fromEntries(studied.map(({ study, fit }) => [study.name, fit])), ...model?.facts },
  };
}

function figuresOf(study: Study, points: readonly Measured[]): Figure[] {
  return points.flatMap(({ load, times, bareMs }) => {
    const at = `at P = ${load.slots}`;
    const byLaw = times.map((ms) => efficiency(load, ms));
    const byTimers = bareMs === undefined ? [] : times.map((ms) => bareMs / ms);
    return [
      figure(`${study.name}: efficiency ${at}`, "", byLaw),
      ...(byTimers.length === 0
        ? []
        : [figure(`${study.name}: of what bare timers allow ${at}`, "", byTimers)]),
    ];
  });
}

function tableOf(study: Study, points: readonly Measured[], fit: UslFit | undefined): Table {
  const [first] = points.map(ratePoint);
  const rows = points.map((point) => {
    const { load, times, handlerMs, bareMs } = point;
    const ms = median(times);
    const speedUp = ratePoint(point).rate / ((first?.rate ?? 1) / (first?.n ?? 1));
    const numbers = [load.slots, load.items, idealMs(load), ms, efficiency(load, ms), speedUp];
    const bare = bareMs === undefined ? ["", ""] : [shown(bareMs), shown(bareMs / ms)];
    return [...[...numbers, overheadMs(load, ms), handlerMs].map(shown), ...bare];
  });
  const columns = [
    "P",
    "N",
    "ideal ms",
    "measured ms",
    "efficiency",
    "speed-up",
    "overhead ms/round",
    "handler ms",
    "bare timers ms",
    "bare ÷ measured",
  ];
  return { title: `${study.name} – ${sentenceOf(fit)}`, columns, rows };
}

function sentenceOf(fit: UslFit | undefined): string {
  if (fit === undefined) return "too few points for the Universal Scalability Law";
  const { lambda, sigma, kappa, peak } = fit;
  const law = `USL: λ = ${shown(lambda)}/s, σ = ${shown(sigma)}, κ = ${shown(kappa)}`;
  return peak === undefined
    ? `${law}, no peak`
    : `${law}, peak of ${shown(peak.rate)}/s at P = ${shown(peak.n)}`;
}

function plotOf(study: Study, points: readonly Measured[], fit: UslFit | undefined): Plot {
  const rates = points.map(ratePoint);
  const measured: Series = {
    name: "measured",
    style: "points",
    points: rates.map(({ n, rate }) => [n, rate]),
  };
  const itemMs = points[0]?.load.itemMs ?? 1;
  const most = Math.max(...rates.map(({ n }) => n));
  return {
    title: study.name,
    x: { label: study.over, scale: "log" },
    y: { label: "items/s", scale: "log" },
    series: [measured, idealSeries(itemMs, most), ...fitSeries(fit, most)],
  };
}
