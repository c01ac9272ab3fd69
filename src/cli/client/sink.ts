/** Where a job's result goes: standard output, or a file. */
import { createWriteStream, type WriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { finished } from "node:stream/promises";
import { InvalidOption, messageOf } from "../../errors.ts";
import type { Sink } from "../render/output.ts";
import type { Shell } from "../shell.ts";

export interface OutSink extends Sink {
  /** Ends it; what was written is kept, or not. */
  close(keep: boolean): Promise<void>;
}

/**
 * Opens the file of `--out`, or standard output without one. A file that is not `live` gets its name only when it is whole:
 * until then what stood there stays.
 * @throws InvalidOption where the file cannot be written
 */
export async function openSink(
  shell: Pick<Shell, "stdout" | "cwd">,
  { out, live }: { out: string | undefined; live: boolean },
): Promise<OutSink> {
  if (out === undefined) return { stdout: shell.stdout, close: async () => {} };
  const path = resolve(shell.cwd, out);
  const written = live ? path : `${path}.${process.pid}.part`;
  const stdout = await openFile(written, out);
  return {
    stdout,
    close: async (keep) => {
      await ended(stdout);
      if (live) return;
      await (keep ? rename(written, path) : rm(written, { force: true }));
    },
  };
}

async function openFile(path: string, shown: string): Promise<WriteStream> {
  try {
    const file = await open(path, "w");
    return createWriteStream(path, { fd: file });
  } catch (cause) {
    throw new InvalidOption("--out", `"${shown}" cannot be written: ${messageOf(cause)}.`, { cause });
  }
}

async function ended(stream: WriteStream): Promise<void> {
  stream.end();
  await finished(stream);
}
