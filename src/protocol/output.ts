/** Where a job's outputs go, if not into its outcome: `object:BUCKET/NAME` or `subject:SUBJECT`. */

export type OutputTo =
  /** The result, in an object of the user's. */
  | { readonly type: "object"; readonly bucket: string; readonly name: string }
  /** Each output by itself, into the stream that captures the subject. */
  | { readonly type: "subject"; readonly subject: string };

/** What a text or an object with one of the two means; undefined where it is neither. */
export function readOutput(value: unknown): OutputTo | undefined {
  if (typeof value === "string") return readText(value);
  if (typeof value !== "object" || value === null) return undefined;
  const [entry, ...others] = Object.entries(value);
  if (entry === undefined || others.length > 0 || typeof entry[1] !== "string") return undefined;
  return outputOf(entry[0], entry[1]);
}

function readText(text: string): OutputTo | undefined {
  if (text.trimStart().startsWith("{")) return readJson(text);
  const colon = text.indexOf(":");
  return outputOf(text.slice(0, Math.max(0, colon)).trim(), text.slice(colon + 1).trim());
}

function readJson(text: string): OutputTo | undefined {
  try {
    return readOutput(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function outputOf(type: string, place: string): OutputTo | undefined {
  if (type === "subject") return isSubject(place) ? { type, subject: place } : undefined;
  const slash = place.indexOf("/");
  if (type !== "object" || slash < 1 || slash === place.length - 1) return undefined;
  return { type, bucket: place.slice(0, slash), name: place.slice(slash + 1) };
}

/** A subject that can be published to: no wildcards, no empty token. */
function isSubject(text: string): boolean {
  return /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(text) && !text.startsWith("$");
}

/** As {@link readOutput} reads it. */
export function outputText(output: OutputTo): string {
  return output.type === "subject" ? `subject:${output.subject}` : `object:${output.bucket}/${output.name}`;
}
