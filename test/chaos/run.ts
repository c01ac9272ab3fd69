/**
 * Chaos on real processes: `npm run chaos -- --minutes 5 --seed 1`.
 *
 * Ends with exit code 1 when the checker finds a violation, and with 2 when the time did not do for what was to be reached.
 */
import { parseArgs } from "node:util";
import { parseDuration } from "../../src/protocol/duration.ts";
import { type CampaignReport, runCampaign } from "./campaign.ts";
import { COLUMNS, type ColumnName } from "./columns.ts";
import { FAULT_NAMES, type FaultName } from "./faults.ts";
import type { Sizes } from "./job-plan.ts";
import { type Section, writeSection } from "./page.ts";
import { markdownOf } from "./report.ts";

const USAGE = `npm run chaos -- [--minutes M] [--seed N] [--replicas 1|3] [--faults a,b,…] [--lease DURATION] [--calm] [--soak] [--until ${Object.keys(COLUMNS).join("|")}] [--report FILE]
faults: ${FAULT_NAMES.join(", ")}`;
const SHOWN = 30;
/** Small enough to be filled in a moment, large enough for the jobs of a run. */
const DISK_MB = 256;

/** A disk to fill needs the right to mount one. */
const DEFAULT_FAULTS = FAULT_NAMES.filter((name) => name !== "disk-full");

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    replicas: { type: "string", default: "1" },
    faults: { type: "string", default: DEFAULT_FAULTS.join(",") },
    until: { type: "string" },
    lease: { type: "string", default: "1s" },
    calm: { type: "boolean", default: false },
    soak: { type: "boolean", default: false },
    report: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(USAGE);
else await chaos();

async function chaos(): Promise<void> {
  const named = values.soak ? "leave" : values.faults;
  const faults = named.split(",").filter((name) => name !== "") as FaultName[];
  const unknown = faults.find((name) => !FAULT_NAMES.includes(name));
  if (unknown !== undefined) throw new Error(`there is no fault ${unknown}\n${USAGE}`);
  const report = await runCampaign({
    seed: Number(values.seed),
    minutes: Number(values.minutes),
    replicas: values.replicas === "3" ? 3 : 1,
    faults,
    targets: values.until === undefined ? undefined : COLUMNS[values.until as ColumnName],
    calm: values.calm,
    leaseMs: parseDuration(values.lease) ?? 0,
    sizes: sizesOf(),
    diskMb: faults.includes("disk-full") ? DISK_MB : undefined,
    soak: values.soak,
    say: (line) => console.error(line),
  });
  await tell(report);
}

function sizesOf(): Sizes {
  if (values.until === "long-noise") return "fine";
  return isBrief() ? "brief" : "full";
}

/** Three servers on one machine have three times the work with each message, and a disk that fills stops all work for a while. */
function isBrief(): boolean {
  const isSmall = values.until?.startsWith("small") === true;
  return isSmall || values.calm || values.replicas === "3" || values.faults.includes("disk-full");
}

async function tell(report: CampaignReport): Promise<void> {
  const text = markdownOf(report, `npm run chaos -- ${process.argv.slice(2).join(" ")}`);
  console.log(text);
  if (values.report !== undefined) await writeSection(values.report, sectionOf(), text);
  const { violations } = report.verdict;
  for (const violation of violations.slice(0, SHOWN)) console.log(`VIOLATION ${violation}`);
  if (violations.length > 0) process.exitCode = 1;
  else if (report.missing.length > 0) process.exitCode = 2;
}

function sectionOf(): Section {
  if (values.soak) return "soak";
  if (values.calm) return "calm";
  if (values.until === "long-noise") return "noise";
  if (values.replicas === "3") return "cluster";
  return values.faults.includes("disk-full") ? "disk" : "single";
}
