/** `muster workers`. */
import type { Command } from "commander";
import { Names } from "../../protocol/names.ts";
import { writeData, writeJson } from "../render/output.ts";
import { formatWorkers } from "../render/status.ts";
import { addConnectOptions, type ConnectOptions, type Shell, withClient } from "../shell.ts";
import { askFleet } from "./actors.ts";

interface WorkersOptions extends ConnectOptions {
  json?: boolean;
}

export function registerWorkers(program: Command, shell: Shell): void {
  const command = program
    .command("workers")
    .description("List the workers, with what they serve and have done")
    .option("--json", "print one array")
    .addHelpText("after", HELP)
    .action((options: WorkersOptions) => workers(shell, options));
  addConnectOptions(command);
}

async function workers(shell: Shell, options: WorkersOptions): Promise<void> {
  const names = new Names(options.prefix);
  await withClient(shell, options, async (client) => {
    const fleet = await askFleet(client, names);
    if (options.json) await writeJson(shell, fleet.workers);
    else await writeData(shell, formatWorkers(fleet.workers, Date.now()));
  });
}

const HELP = `
Examples:
  $ muster workers
  $ muster workers --json | jq 'map(.slots) | add'`;
