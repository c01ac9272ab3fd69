/** `muster broker`: the nats-server that muster uses on this machine. */
import type { Command } from "commander";
import { type LocatedServer, locateServer } from "../bootstrap/server/locate.ts";
import { tellSearch } from "./actors/search.ts";
import type { Shell } from "./shell.ts";

export function registerBrokerCommands(program: Command, shell: Shell): void {
  const broker = program
    .command("broker")
    .description("Find or fetch the nats-server that muster starts")
    .addHelpText("after", "\nExample:\n  $ muster broker install\n");
  broker
    .command("path")
    .description("Print where it is")
    .addHelpText("after", "\nExample:\n  $ $(muster broker path) --version\n")
    .action(async () => print(shell, (await find(shell, false)).path));
  broker
    .command("version")
    .description("Print its version")
    .option("--json", "as JSON, with its path and where it was found")
    .addHelpText("after", "\nExample:\n  $ muster broker version\n")
    .action(async ({ json }: { json?: boolean }) => {
      const { path, version, source } = await find(shell, false);
      print(shell, json ? JSON.stringify({ version, path, source }) : version);
    });
  broker
    .command("install")
    .description("Fetch one into the cache, unless there is one already; print its path")
    .addHelpText("after", "\nExample:\n  $ muster broker install\n")
    .action(async () => print(shell, (await find(shell, true)).path));
}

function find(shell: Shell, allowInstall: boolean): Promise<LocatedServer> {
  return locateServer({ env: shell.env, allowInstall, onStep: tellSearch(shell) });
}

function print({ stdout }: Shell, line: string): void {
  stdout.write(`${line}\n`);
}
