/** `muster init`. */
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { say, writeData } from "../render/output.ts";
import type { Shell } from "../shell.ts";
import { writeProject } from "./project.ts";

export function registerInitCommand(program: Command, shell: Shell): void {
  program
    .command("init")
    .description("Write a small project: a task, a test, a program, a Compose file")
    .argument("<dir>", "the folder; made where it is not there")
    .addHelpText("after", HELP)
    .action((dir: string) => init(shell, dir));
}

async function init(shell: Shell, dir: string): Promise<void> {
  const files = await writeProject(resolve(shell.cwd, dir));
  await writeData(shell, files.map((name) => `${join(dir, name)}\n`).join(""));
  say(shell, `Next: cd ${dir} && npm install && npm test`);
}

const HELP = `
Files that are there already are never written over: nothing is written then.

Example:
  $ muster init my-fleet && cd my-fleet && npm install && npm test`;
