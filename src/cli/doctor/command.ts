/** `muster doctor`: is all there that muster needs, and what to do where it is not. */
import type { Command } from "commander";
import { MusterError } from "../../errors.ts";
import { Names } from "../../protocol/names.ts";
import { EXIT, exitCodeOf } from "../exit.ts";
import { printable } from "../render/errors.ts";
import { addConnectOptions, type ConnectOptions, connectionOf, type Shell } from "../shell.ts";
import type { Finding } from "./finding.ts";
import { checkFleet } from "./fleet.ts";
import { checkDisk, checkNode, checkServerBinary } from "./machine.ts";

export function registerDoctorCommand(program: Command, shell: Shell): void {
  addConnectOptions(program.command("doctor").description("Check this machine, the broker and the fleet"))
    .option("--json", "print the findings as JSON")
    .addHelpText(
      "after",
      "\nIt changes nothing. Exit code 0 unless a check failed.\n\nExample:\n  $ muster doctor --server nats://10.0.0.1\n",
    )
    .action(async (options: ConnectOptions & { json?: boolean }) => {
      const findings = await examine(shell, options);
      shell.stdout.write(options.json ? `${JSON.stringify(findings)}\n` : render(findings));
      shell.exitCode = codeOf(findings);
    });
}

async function examine(shell: Shell, options: ConnectOptions): Promise<Finding[]> {
  const { env } = shell;
  const [machine, fleet] = await Promise.all([
    Promise.all([checkNode(), checkServerBinary(env), checkDisk(env)]),
    connectionOf(shell, options).then((connection) => checkFleet(connection, new Names(options.prefix))),
  ]);
  return [...machine, ...fleet];
}

function render(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, level, detail, advice }) => [
    `${level.padEnd(4)}  ${check.padEnd(width)}  ${detail}`,
    ...(advice === undefined ? [] : [`${" ".repeat(width + 8)}${advice}`]),
  ]);
  return `${printable(lines.join("\n"))}\n`;
}

/** The code that the first failure would end any other command with. */
function codeOf(findings: readonly Finding[]): number {
  const failure = findings.find(({ level }) => level === "fail");
  if (failure === undefined) return EXIT.done;
  return failure.code === undefined
    ? EXIT.failed
    : exitCodeOf(new MusterError(failure.code, 500, failure.detail));
}
