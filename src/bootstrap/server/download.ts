import { messageOf } from "../../errors.ts";

/** A release archive is about 7 MB; what is ten times that is something else. */
const SIZE_LIMIT = 96 * 1024 * 1024;
/** A host that drips bytes never falls silent, so a download also has a limit as a whole, in ms. */
const WHOLE_LIMIT_MS = 180_000;

export interface DownloadOptions {
  /** How long the host may send nothing, before the first byte or between two, in ms. */
  silenceMs: number;
  signal: AbortSignal;
}

/** What came, or why it did not, in words. */
export type Download = { ok: true; bytes: Buffer } | { ok: false; reason: string };

/** Fetches a file into memory. Rejects only when `signal` aborts. */
export async function download(url: string, options: DownloadOptions): Promise<Download> {
  const silence = watchSilence(options.silenceMs);
  const signal = AbortSignal.any([options.signal, silence.signal, AbortSignal.timeout(WHOLE_LIMIT_MS)]);
  try {
    const response = await fetch(url, { signal });
    const refusal = refuse(url, response);
    if (refusal !== undefined) return await discard(response, refusal);
    return { ok: true, bytes: await readAll(response, silence.heard) };
  } catch (error) {
    options.signal.throwIfAborted();
    return { ok: false, reason: explain(url, error, silence.signal.aborted ? options.silenceMs : undefined) };
  } finally {
    silence.end();
  }
}

/** Aborts when `heard` is not called for `ms`. */
function watchSilence(ms: number): { signal: AbortSignal; heard: () => void; end: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  return { signal: controller.signal, heard: () => timer.refresh(), end: () => clearTimeout(timer) };
}

function refuse(url: string, response: Response): string | undefined {
  if (!response.ok) return `${url} answered ${response.status}`;
  const weakened = url.startsWith("https:") && !response.url.startsWith("https:");
  return weakened ? `${url} leads to a place without TLS, ${response.url}` : undefined;
}

async function discard(response: Response, reason: string): Promise<Download> {
  await response.body?.cancel();
  return { ok: false, reason };
}

async function readAll(response: Response, heard: () => void): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    heard();
    size += chunk.byteLength;
    if (size > SIZE_LIMIT) throw new Error(`it is larger than ${SIZE_LIMIT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function explain(url: string, error: unknown, silentMs: number | undefined): string {
  const host = new URL(url).host;
  if (silentMs !== undefined) return `${host} did not answer within ${silentMs / 1000} s`;
  // fetch says only "fetch failed"; the reason is its cause.
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return `${host} could not be read: ${messageOf(cause) || "no connection"}`;
}
