/** Writing to the two streams: data to stdout, waiting where its reader is slow; sentences to stderr. */
import type { Writable } from "node:stream";
import type { Shell } from "../shell.ts";
import { oneLine } from "./text.ts";

/** Where data goes: a shell, or what stands in for its standard output. */
export interface Sink {
  readonly stdout: Writable;
}

/**
 * Writes data to stdout and waits until it is taken. Returns false once nobody reads any more (`muster … | head`): then
 * nothing more need be written.
 */
export function writeData({ stdout }: Sink, data: string | Uint8Array): Promise<boolean> {
  // Node tells of a closed pipe both here and as an event that ends the process when nobody listens.
  if (stdout.listenerCount("error") === 0) stdout.on("error", () => {});
  return new Promise((resolve, reject) => {
    stdout.write(data, (error) => {
      if (error === null || error === undefined) resolve(true);
      else if (isReaderGone(error)) resolve(false);
      else reject(error);
    });
  });
}

function isReaderGone(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED";
}

/** Writes data part by part, never whole in memory. */
export async function writeParts(sink: Sink, parts: AsyncIterable<Uint8Array>): Promise<boolean> {
  for await (const part of parts) if (!(await writeData(sink, part))) return false;
  return true;
}

/** Writes one JSON document and a line break. */
export async function writeJson(sink: Sink, value: unknown): Promise<boolean> {
  return await writeData(sink, `${JSON.stringify(value)}\n`);
}

/** Says a sentence on stderr, and below it what belongs to it. */
export function say(
  { stderr }: Pick<Shell, "stderr">,
  sentence: string,
  details: readonly string[] = [],
): void {
  const lines = [`muster: ${oneLine(sentence)}`, ...details.map((detail) => `  ${oneLine(detail)}`)];
  stderr.write(`${lines.join("\n")}\n`);
}
