/** `muster bench`: repeatable measurements, counted from the outside, on a fleet that is started for them. */
import { setMaxListeners } from "node:events";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { locateServer } from "../../bootstrap/server/locate.ts";
import { exitCodeOfSignal, onStopSignals, type StopSignal } from "../../bootstrap/signals.ts";
import { wholeNumber } from "../actors/options.ts";
import { tellSearch } from "../actors/search.ts";
import type { Shell } from "../shell.ts";
import { data } from "./data.ts";
import { fairness } from "./fairness.ts";
import { latency } from "./latency.ts";
import { describeMachine } from "./machine.ts";
import { memory } from "./memory.ts";
import { drawReport } from "./picture.ts";
import { printReport } from "./print.ts";
import type { Report } from "./report.ts";
import { scale } from "./scale.ts";
import type { BenchOptions, Scenario } from "./scenario.ts";
import { throughput } from "./throughput.ts";

const SCENARIOS: readonly Scenario[] = [throughput, latency, scale, memory, data, fairness];

interface CommandOptions {
  runs: number;
  size: number;
  workers?: number[];
  slots: number[];
  simulate: boolean;
  data?: string;
  json?: string;
  svg?: string;
}

const TEXT = `
Each scenario starts a nats-server and actors of its own, as processes with file storage, and stops them again. Every figure is counted by
the client. Other work on the machine shows in them: compare medians of the same session, or better ratios.

Examples:
  $ muster bench throughput --json throughput.json --svg throughput.svg
  $ muster bench scale --simulate --svg scale.svg
  $ muster bench latency --runs 1 --size 0.1
`;

export function registerBenchCommand(program: Command, shell: Shell): void {
  const bench = program
    .command("bench")
    .description("Measure muster on this machine")
    .addHelpText("after", TEXT);
  for (const scenario of SCENARIOS) {
    const command = bench.command(scenario.name).description(`Measure ${scenario.summary}`);
    addOptions(command, scenario).action(async (options: CommandOptions) => {
      await measure(shell, scenario, options);
    });
  }
}

function addOptions(command: Command, { name }: Scenario): Command {
  return command
    .option("--runs <n>", "how often each figure is measured", wholeNumber(1, 100), 3)
    .option("--size <factor>", "size of the jobs; below 1 to try it out", factor, 1)
    .option("--workers <list>", "numbers of worker processes (default: 1,2,4)", numbers)
    .option("--slots <list>", "numbers of slots, for the law", numbers, [1, 2, 4, 8, 16, 32, 64])
    .addOption(
      new Option("--simulate", "run the discrete-event model as well")
        .default(false)
        .hideHelp(name !== "scale"),
    )
    .option("--data <folder>", "where the streams are kept (default: a temporary folder)")
    .option("--json <file>", "write what was found as JSON")
    .option("--svg <file>", "draw it")
    .addHelpText("after", `\nExample:\n  $ muster bench ${name} --runs 5 --svg ${name}.svg\n`);
}

function factor(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 100) return value;
  throw new InvalidArgumentError("It must be a number above 0, up to 100.");
}

function numbers(text: string): number[] {
  const values = text.split(",").map(Number);
  if (values.every((value) => Number.isSafeInteger(value) && value > 0 && value <= 1_000)) return values;
  throw new InvalidArgumentError("It must be whole numbers from 1 to 1000, as in 1,2,4.");
}

async function measure(shell: Shell, scenario: Scenario, options: CommandOptions): Promise<void> {
  const controller = new AbortController();
  // A thousand requests wait with it at once.
  setMaxListeners(0, controller.signal);
  let signalled: StopSignal | undefined;
  const stop = (signal: StopSignal) => {
    signalled = signal;
    controller.abort(new Error(`ended by ${signal}`));
  };
  const off = onStopSignals({ stop, abort: () => {} });
  try {
    const report = await reportOf(shell, scenario, options, controller.signal);
    shell.stdout.write(printReport(report));
    await keep(shell, report, options);
  } catch (error) {
    if (signalled === undefined) throw error;
    shell.exitCode = exitCodeOfSignal(signalled);
  } finally {
    off();
  }
}

async function reportOf(
  shell: Shell,
  scenario: Scenario,
  { json: _json, svg: _svg, data, workers = [1, 2, 4], ...more }: CommandOptions,
  signal: AbortSignal,
): Promise<Report> {
  const { version } = await locateServer({
    env: shell.env,
    allowInstall: true,
    onStep: tellSearch(shell),
    signal,
  });
  const machine = await describeMachine(version, data);
  const at = new Date().toISOString();
  const options: BenchOptions = { ...more, workers };
  const tell = (line: string) => void shell.stderr.write(`${scenario.name}: ${line}\n`);
  const findings = await scenario.run({ shell, data, signal, options, tell });
  return { scenario: scenario.name, at, machine, settings: { ...options }, ...findings };
}

async function keep({ cwd }: Shell, report: Report, { json, svg }: CommandOptions): Promise<void> {
  if (json !== undefined) await writeFile(resolve(cwd, json), `${JSON.stringify(report, null, 2)}\n`);
  if (svg !== undefined) await writeFile(resolve(cwd, svg), drawReport(report));
}
