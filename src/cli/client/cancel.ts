/** `muster cancel`. */
import type { Command } from "commander";
import { checkToken } from "../../protocol/names.ts";
import { say, writeJson } from "../render/output.ts";
import { addConnectOptions, type ConnectOptions, type Shell, withClient } from "../shell.ts";

interface CancelOptions extends ConnectOptions {
  json?: boolean;
}

export function registerCancel(program: Command, shell: Shell): void {
  const command = program
    .command("cancel")
    .description("Cancel a job")
    .argument("<job>", "the job's id")
    .option("--json", 'print {"job":"…","state":"cancelled"}')
    .addHelpText("after", HELP)
    .action((job: string, options: CancelOptions) => cancel(shell, job, options));
  addConnectOptions(command);
}

async function cancel(shell: Shell, job: string, options: CancelOptions): Promise<void> {
  checkToken("job id", job);
  await withClient(shell, options, (client) => client.cancel(job));
  if (options.json) await writeJson(shell, { job, state: "cancelled" });
  else say(shell, `Job ${job} is cancelled.`);
}

const HELP = `
Its outcome is then "cancelled"; handlers that are running are told by their AbortSignal. A job that is over already
stays as it is (exit code 2).

Example:
  $ muster cancel 0mgh3k2x9f8a`;
