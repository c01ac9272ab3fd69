/** `muster map` and `muster submit`: the two ways to hand in a job. */
import type { Command } from "commander";
import type { Client } from "../../actors/client.ts";
import { totalOf } from "../../domain/plan.ts";
import { Names } from "../../protocol/names.ts";
import { writeData, writeJson } from "../render/output.ts";
import { addConnectOptions, type ConnectOptions, type Shell, withClient } from "../shell.ts";
import { interruptible } from "./interrupt.ts";
import {
  addSubmitArguments,
  type GivenJob,
  type PreparedJob,
  prepareJob,
  type SubmitFlags,
} from "./job-input.ts";
import { noteWhereNotOffered } from "./offered.ts";
import { send } from "./send.ts";
import { type Awaited, parseWait, printEnd, waitForEnd } from "./wait.ts";

interface MapOptions extends ConnectOptions, SubmitFlags {
  wait?: string;
  json?: boolean;
}

type SubmitOptions = ConnectOptions & SubmitFlags & { json?: boolean };

export function registerMap(program: Command, shell: Shell): void {
  const command = program.command("map").description("Run a job and print its result");
  addSubmitArguments(command)
    .option("--wait <duration>", "stop waiting after so long (exit code 4); the job goes on")
    .option("--json", "print one object: job, state, counts, failures and result")
    .addHelpText("after", MAP_HELP)
    .action((kind: string, input: string | undefined, options: MapOptions) =>
      map(shell, options, { kind, input, flags: options }),
    );
  addConnectOptions(command);
}

export function registerSubmit(program: Command, shell: Shell): void {
  const command = program.command("submit").description("Hand in a job and print its id");
  addSubmitArguments(command)
    .option("--json", 'print {"job":"…","state":"accepted"}')
    .addHelpText("after", SUBMIT_HELP)
    .action((kind: string, input: string | undefined, options: SubmitOptions) =>
      submit(shell, options, { kind, input, flags: options }),
    );
  addConnectOptions(command);
}

async function map(shell: Shell, options: MapOptions, given: GivenJob): Promise<void> {
  const waitMs = parseWait(options.wait);
  const prepared = await prepareJob(shell, given);
  await withClient(shell, options, async (client, node) => {
    // From here on Ctrl-C may find the job handed in, so its id is to be told.
    const { awaited, ended } = await interruptible(async (signal) => {
      const job = await send(client, prepared);
      const awaited = {
        ...watching(shell, client, { prepared, options }),
        client,
        node,
        job,
        waitMs,
        options,
      };
      return { awaited, ended: await waitForEnd(shell, awaited, signal) };
    });
    await printEnd(shell, awaited, ended);
  });
}

/** What is known of a job beforehand, and what is looked up while it is waited for. */
function watching(
  shell: Shell,
  client: Client,
  { prepared, options }: { prepared: PreparedJob; options: MapOptions },
): Pick<Awaited, "total" | "meanwhile"> {
  const { kind, submission } = prepared;
  const names = new Names(options.prefix);
  return {
    total: totalOf(submission.input),
    meanwhile: (signal) => noteWhereNotOffered(shell, { client, names, kind }, signal),
  };
}

async function submit(shell: Shell, options: SubmitOptions, given: GivenJob): Promise<void> {
  const prepared = await prepareJob(shell, given);
  const job = await submitAndNote(shell, options, prepared);
  if (options.json) await writeJson(shell, { job, state: "accepted" });
  else await writeData(shell, `${job}\n`);
}

async function submitAndNote(shell: Shell, options: SubmitOptions, prepared: PreparedJob): Promise<string> {
  const names = new Names(options.prefix);
  const { kind } = prepared;
  return await withClient(shell, options, async (client) => {
    const job = await send(client, prepared);
    await interruptible((signal) => noteWhereNotOffered(shell, { client, names, kind }, signal));
    return job;
  });
}

const MAP_HELP = `
The result goes to standard output as JSON, and nothing else does.
Exit codes: 0 done, 1 the job failed, 2 wrong usage, 3 broker out of reach, 4 not finished in time, 5 cancelled,
6 permission denied, 130 interrupted (the job goes on).

Examples:
  $ muster map double '[1,2,3,4,5]'
  [2,4,6,8,10]
  $ muster map double --range 0:1000000 --reduce sum
  $ muster map primes @limits.json --on-error continue --wait 10m
  $ jq -c .urls pages.json | muster map fetch - --max-attempts 5 --timeout 30s`;

const SUBMIT_HELP = `
The job's id goes to standard output, and nothing else does.

Examples:
  $ job=$(muster submit double '[1,2,3,4,5]')
  $ muster result "$job" --wait`;
