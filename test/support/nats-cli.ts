/** The real `nats` command line, where it is installed: MUSTER_NATS_CLI, or `nats` on PATH. */
import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Its path, or undefined where there is none. */
export async function findNatsCli(): Promise<string | undefined> {
  const named = process.env.MUSTER_NATS_CLI;
  if (named !== undefined && named !== "") return named;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, "nats");
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

/** Runs `nats` against a server, with so much on standard input, and gives what it printed. */
export async function natsCli(
  path: string,
  url: string,
  args: readonly string[],
  stdin?: Uint8Array,
): Promise<{ stdout: string; stderr: string }> {
  const env = {
    PATH: process.env.PATH,
    HOME: "/nonexistent",
    XDG_CONFIG_HOME: "/nonexistent",
    NATS_URL: url,
  };
  const running = run(path, [...args], { env, timeout: 30_000 });
  running.child.stdin?.end(stdin);
  return await running;
}
