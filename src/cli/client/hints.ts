/** Commands to copy, with the connection flags that this one was given. */

import { say } from "../render/output.ts";
import type { ConnectOptions, Shell } from "../shell.ts";

/** `muster result JOB …`, as a command to copy; passwords are left out. */
export function commandLine(words: string, { server, context, creds, prefix }: ConnectOptions): string {
  const flags: [string, string | undefined][] = [
    // A URL may carry a password.
    ["--server", server?.includes("@") ? undefined : server],
    ["--context", context],
    ["--creds", creds],
    ["--prefix", prefix === "muster" ? undefined : prefix],
  ];
  const given = flags.flatMap(([flag, value]) => (value === undefined ? [] : [`${flag} ${quoted(value)}`]));
  return ["muster", words, ...given].join(" ");
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** Says that a job goes on, how to get at its result, and how to cancel it. */
export function sayGoesOn(
  shell: Shell,
  sentence: string,
  { job, options }: { job: string; options: ConnectOptions },
): void {
  say(shell, sentence, [
    `its result:  ${commandLine(`result ${job} --wait`, options)}`,
    `cancel it:   ${commandLine(`cancel ${job}`, options)}`,
  ]);
}
