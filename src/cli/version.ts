/** `muster version`. */
import type { Command } from "commander";
import { VERSION } from "../bootstrap/version.ts";
import type { Shell } from "./shell.ts";

export function registerVersionCommand(program: Command, shell: Shell): void {
  program
    .command("version")
    .description("Print the versions of muster and Node")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  $ muster version --json\n")
    .action(({ json }: { json?: boolean }) => {
      const versions = {
        muster: VERSION,
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
      };
      const text = json
        ? JSON.stringify(versions)
        : `muster ${VERSION} (Node ${versions.node}, ${versions.platform})`;
      shell.stdout.write(`${text}\n`);
    });
}
