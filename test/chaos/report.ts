/** The figures of a chaos run, as a table. */
import type { CampaignReport } from "./campaign.ts";
import { POINTS } from "./crash-points.ts";
import type { FaultName } from "./faults.ts";
import type { Role } from "./history.ts";
import { figuresOf, type Recovery } from "./recovery.ts";
import { tableOf } from "./samples.ts";

/** What was done, and how often; crash points as the number of the rarest and of all. */
function rowsOf({ tally }: CampaignReport): [fault: string, count: number][] {
  const faults = [...tally].filter(([name]) => name in TITLES);
  const points = POINTS.map((point) => tally.get(point) ?? 0);
  const struck = points.filter((count) => count > 0).length;
  const rows = faults.map(([name, count]): [string, number] => [TITLES[name as FaultName] ?? name, count]);
  if (struck === 0) return rows;
  return [
    ...rows,
    [`of these deaths, at ${struck} of ${POINTS.length} named crash points`, sum(points)],
    ["at the rarest of the points", Math.min(...points)],
  ];
}

const TITLES: Partial<Record<FaultName, string>> = {
  "worker-kill": "worker kill -9",
  "dispatcher-kill": "dispatcher kill -9",
  "aggregator-kill": "aggregator kill -9",
  "server-kill": "broker kill -9 and restart",
  "leader-kill": "cluster leader kill -9",
  "rolling-restart": "rolling restart of the cluster",
  leave: "actors that left in good order, and others that joined",
  zombie: "zombie: SIGSTOP beyond the lease, then SIGCONT",
  "link-cut": "link cut",
  "link-deaf": "link deaf",
  "link-slow": "link slow",
  "link-noisy": "messages repeated, late, or acknowledgements lost",
  "disk-full": "disk full",
  "stream-full": "stream at its limit",
};

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The report as Markdown. */
export function markdownOf(report: CampaignReport, command: string): string {
  const { lost, countedTwice, withoutOutcome } = report.verdict;
  const rows = rowsOf(report).map(([fault, count]) => `| ${fault} | ${count.toLocaleString("en")} |`);
  return [
    "| fault | count |",
    "| --- | --- |",
    ...rows,
    "",
    `**In all: ${lost} items lost, ${countedTwice} counted twice, ${withoutOutcome} jobs without an outcome.**`,
    "",
    ...(report.recoveries === undefined ? [] : [...recoveryLines(report.recoveries), ""]),
    ...(report.samples === undefined ? [] : [...tableOf(...report.samples), ""]),
    ...summaryLines(report, command),
  ].join("\n");
}

function recoveryLines(recoveries: readonly Recovery[]): string[] {
  const roles: readonly Role[] = ["worker", "dispatcher", "aggregator"];
  const lines = roles.map((role) => {
    const { count, medianMs, p99Ms, mostMs } = figuresOf(
      recoveries.filter((recovery) => recovery.role === role && !recovery.disturbed),
    );
    return `| ${role} | ${count} | ${medianMs} ms | ${p99Ms} ms | ${mostMs} ms |`;
  });
  return ["| recovery of | kills | median | p99 | most |", "| --- | --- | --- | --- | --- |", ...lines];
}

function summaryLines(
  { verdict, missing, seconds, cpuSeconds, started, serverVersion }: CampaignReport,
  command: string,
) {
  const { jobs, items, executions, ranAgain, buried, failedStarts, states, violations } = verdict;
  const ended = Object.entries(states).map(([state, count]) => `${count} ${state}`);
  const number = (value: number) => value.toLocaleString("en");
  return [
    `${number(jobs)} jobs (${ended.join(", ")}) of ${number(items)} items; ${number(executions)} executions, ${number(ranAgain)} items ran more than once, ${buried} were buried.`,
    `${number(started)} processes of actors (${failedStarts} ended as they began, with the servers away) in ${Math.round(seconds)} s, ${Math.round(cpuSeconds)} s of CPU time.`,
    `nats-server ${serverVersion}, Node ${process.version}: \`${command}\`.`,
    `${violations.length} violations.${missing.length === 0 ? "" : ` Not reached: ${missing.join(", ")}.`}`,
  ];
}
