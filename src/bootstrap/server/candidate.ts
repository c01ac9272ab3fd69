import type { Environment } from "../environment.ts";
import { runCommand } from "./command.ts";
import { isSupported, MINIMUM_VERSION, parseVersionOutput } from "./version.ts";

/** What running `--version` told about a file. */
export type Verdict =
  | { kind: "usable"; version: string }
  | { kind: "too-old"; version: string; reason: string }
  | { kind: "broken"; reason: string };

/** Runs a nats-server once to learn its version. A file that is of another machine, or no server at all, is `broken`. */
export async function examine(path: string, env: Environment, signal?: AbortSignal): Promise<Verdict> {
  const result = await runCommand({
    file: path,
    args: ["--version"],
    env,
    timeoutMs: 10_000,
    ...(signal === undefined ? {} : { signal }),
  });
  if (!result.ok) return { kind: "broken", reason: `${path} cannot be run: ${result.reason}` };
  return judge(path, result.stdout);
}

function judge(path: string, output: string): Verdict {
  const version = /nats-server/i.test(output) ? parseVersionOutput(output) : undefined;
  if (version === undefined)
    return { kind: "broken", reason: `${path} does not say which nats-server it is` };
  if (isSupported(version)) return { kind: "usable", version };
  return {
    kind: "too-old",
    version,
    reason: `${path} is nats-server ${version}; muster needs ${MINIMUM_VERSION}`,
  };
}
