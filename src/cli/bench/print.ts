/** A report for people. */
import { type Column, formatTable } from "../render/table.ts";
import { type Report, shown, type Table } from "./report.ts";

export function printReport(report: Report): string {
  const parts = [heading(report), figuresOf(report), ...(report.tables ?? []).map(tableText)];
  return parts.filter((part) => part !== "").join("\n");
}

function heading({ scenario, machine, settings, at }: Report): string {
  const { cpu, cores, memoryMb, system, loadBefore, dataInMemory, versions } = machine;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const asked = Object.entries(settings).map(([name, value]) => `${name} ${String(value)}`);
  const lines = [
    `muster bench ${scenario}, ${at}`,
    `${programs.join(", ")}`,
    `${cores} cores (${cpu}), ${memoryMb} MB, ${system}; load ${shown(loadBefore)} before`,
    `${asked.join(", ")}; storage: file${dataInMemory ? ", on a file system in memory" : ""}`,
  ];
  return `${lines.join("\n")}\n`;
}

const COLUMNS: readonly Column[] = [
  { head: "FIGURE" },
  { head: "MEDIAN", align: "right" },
  { head: "LOW", align: "right" },
  { head: "HIGH", align: "right" },
  { head: "UNIT" },
];

function figuresOf({ figures }: Report): string {
  if (figures.length === 0) return "";
  const rows = figures.map(({ name, median, low, high, unit }) => [
    name,
    shown(median),
    shown(low),
    shown(high),
    unit,
  ]);
  return formatTable(COLUMNS, rows);
}

function tableText({ title, columns, rows }: Table): string {
  const heads = columns.map((head, i): Column => ({ head, align: i === 0 ? "left" : "right" }));
  return `${title}\n${formatTable(heads, rows)}`;
}
