/** The figures of a chaos run, as a table. */
import type { CampaignReport } from "./campaign.ts";
import { POINTS } from "./crash-points.ts";
import type { Role } from "./history.ts";
import { figuresOf } from "./recovery.ts";

/** Rows of the table: what was done, and how often. */
export function rowsOf({ done }: CampaignReport): [fault: string, count: number][] {
  const points = POINTS.map((point) => done.get(point) ?? 0);
  const faults = [...done].filter(([name]) => !POINTS.includes(name) && name !== "crash-point");
  return [
    ...faults.sort(([a], [b]) => (a < b ? -1 : 1)),
    [`crash points, all ${POINTS.length} together`, points.reduce((sum, count) => sum + count, 0)],
    ["crash points, the rarest of them", Math.min(...points)],
  ];
}

/** The report as Markdown. */
export function markdownOf(report: CampaignReport, command: string): string {
  const { verdict } = report;
  const { lost, countedTwice, withoutOutcome } = verdict;
  const rows = rowsOf(report).map(
    ([fault, count]) => `| ${fault} | ${count.toLocaleString("en")} | ${lost} | ${countedTwice} | ${withoutOutcome} |`,
  );
  return [
    "| fault | count | lost | counted twice | jobs without an outcome |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
    ...recoveryLines(report),
    "",
    ...summaryLines(report, command),
  ].join("\n");
}

function recoveryLines({ recoveries }: CampaignReport): string[] {
  const roles: readonly Role[] = ["worker", "dispatcher", "aggregator"];
  const lines = roles.map((role) => {
    const { count, medianMs, p99Ms } = figuresOf(
      recoveries.filter((recovery) => recovery.role === role && !recovery.disturbed),
    );
    return `| ${role} | ${count} | ${medianMs} ms | ${p99Ms} ms |`;
  });
  return ["| recovery of | kills | median | p99 |", "| --- | --- | --- | --- |", ...lines];
}

function summaryLines({ verdict, seconds, cpuSeconds, started, serverVersion }: CampaignReport, command: string) {
  const { jobs, items, executions, ranAgain, buried, states, violations } = verdict;
  const ended = Object.entries(states).map(([state, count]) => `${count} ${state}`);
  const number = (value: number) => value.toLocaleString("en");
  return [
    `${number(jobs)} jobs (${ended.join(", ")}) of ${number(items)} items; ${number(executions)} executions, ${number(ranAgain)} items ran more than once, ${buried} were buried.`,
    `${number(started)} processes of actors in ${Math.round(seconds)} s, ${Math.round(cpuSeconds)} s of CPU time.`,
    `nats-server ${serverVersion}, Node ${process.version}: \`${command}\`.`,
    `${violations.length} violations.`,
  ];
}
