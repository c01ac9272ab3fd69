/** `muster dead`: items that failed for good, and handing them in again. */
import type { Command } from "commander";
import type { DeadLetterView } from "../../actors/dead-letters.ts";
import { checkToken } from "../../protocol/names.ts";
import { say, writeData, writeJson } from "../render/output.ts";
import { formatTable } from "../render/table.ts";
import { counted, cut } from "../render/text.ts";
import { addConnectOptions, type ConnectOptions, type Shell, withClient } from "../shell.ts";
import { addJobOptions, type JobFlags, jobOptionsOf } from "./job-options.ts";

interface DeadOptions extends ConnectOptions {
  json?: boolean;
}

type RedriveOptions = DeadOptions & JobFlags;

export function registerDead(program: Command, shell: Shell): void {
  const dead = program
    .command("dead")
    .description("Items that failed for good: list them, hand them in again")
    .addHelpText("after", HELP);
  registerList(dead, shell);
  registerRedrive(dead, shell);
}

function registerList(dead: Command, shell: Shell): void {
  const command = dead
    .command("ls")
    .description("List failed items, oldest first")
    .argument("[job]", "of this job only")
    .option("--json", "print one array, with the items themselves")
    .addHelpText("after", LS_HELP)
    .action((job: string | undefined, options: DeadOptions) => list(shell, job, options));
  addConnectOptions(command);
}

function registerRedrive(dead: Command, shell: Shell): void {
  const command = dead
    .command("redrive")
    .description("Hand a job's failed items in again, as a new job, and print its id")
    .argument("<job>", "the job whose items failed");
  addJobOptions(command)
    .option("--json", 'print {"job":"…","items":N}')
    .addHelpText("after", REDRIVE_HELP)
    .action((job: string, options: RedriveOptions) => redrive(shell, job, options));
  addConnectOptions(command);
}

async function list(shell: Shell, job: string | undefined, options: DeadOptions): Promise<void> {
  if (job !== undefined) checkToken("job id", job);
  await withClient(shell, options, async (client) => {
    const letters = await client.deadLetters(job);
    await writeData(
      shell,
      options.json ? `[${letters.map(letterJson).join(",")}]\n` : formatLetters(letters),
    );
  });
}

async function redrive(shell: Shell, job: string, options: RedriveOptions): Promise<void> {
  checkToken("job id", job);
  const jobOptions = jobOptionsOf(options);
  const again = await withClient(shell, options, (client) => client.redrive(job, jobOptions));
  if (options.json) await writeJson(shell, again);
  else await writeData(shell, `${again.job}\n`);
  say(shell, `${counted(again.items, "failed item")} of job ${job} handed in again as job ${again.job}.`);
}

/** The input stands as it was sent: its numbers may be larger than JavaScript can hold. */
function letterJson({ job, kind, index, attempts, code, message, input, seq, time }: DeadLetterView): string {
  const head = { job, kind, index, attempts, code, message, time: new Date(time).toISOString(), seq };
  return `${JSON.stringify(head).slice(0, -1)},"input":${input ?? "null"}}`;
}

/** Characters of an input, and of a message, that the table shows. */
const INPUT = 40;
const MESSAGE = 80;

function formatLetters(letters: readonly DeadLetterView[]): string {
  if (letters.length === 0) return "No dead letters.\n";
  const rows = letters.map(({ job, kind, index, attempts, code, message, input, time }) => [
    ...[job, kind, String(index), String(attempts), new Date(time).toISOString()],
    ...[cut(input ?? "", INPUT), cut(`${code}: ${message}`, MESSAGE)],
  ]);
  return formatTable(
    [
      ...[{ head: "JOB" }, { head: "KIND" }, { head: "ITEM", align: "right" as const }],
      ...[
        { head: "TRIED", align: "right" as const },
        { head: "FAILED AT" },
        { head: "INPUT" },
        { head: "ERROR" },
      ],
    ],
    rows,
  );
}

const HELP = `
Examples:
  $ muster dead ls
  $ muster dead redrive 0mgh3k2x9f8a`;

const LS_HELP = `
Examples:
  $ muster dead ls 0mgh3k2x9f8a
  $ muster dead ls --json | jq -c '.[].input'`;

const REDRIVE_HELP = `
The new job's id goes to standard output. It takes none of the old job's options: name them again.

Examples:
  $ muster dead redrive 0mgh3k2x9f8a --max-attempts 10
  $ muster result "$(muster dead redrive 0mgh3k2x9f8a)" --wait`;
