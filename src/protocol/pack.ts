/**
 * Several messages in one. Each keeps its own headers and body; headers that all have alike are written once.
 *
 * What a broker does for a message costs more than what it does for the bytes of a small one, so results that are ready
 * together travel together. They are not merged: one of them may have been counted before, the others not.
 */
import { InvalidBody } from "../errors.ts";
import { inflated } from "./compression.ts";
import type { Encoded, Received } from "./messages.ts";
import { HEADER } from "./names.ts";

/** The values of a part's own headers in the order of the columns, then its body's length in bytes. */
type Row = [...(string | null)[], number];

/** Puts at least two messages into one: the names of the columns in a header, a line of JSON with the rows, the bodies. */
export function encodePack(parts: readonly Encoded[]): Encoded {
  const common = commonHeaders(parts);
  const columns = columnsOf(parts, common);
  const rows = parts.map(
    ({ headers, data }): Row => [...columns.map((name) => headers[name] ?? null), Buffer.byteLength(data)],
  );
  return {
    headers: { ...common, [HEADER.pack]: columns.join(" ") },
    data: joined([`${JSON.stringify(rows)}\n`, ...parts.map(({ data }) => data)]),
  };
}

/** Text is put together as text: encoded once, it costs a fraction of as many buffers. */
function joined(parts: readonly (string | Uint8Array)[]): string | Uint8Array {
  if (parts.every((part) => typeof part === "string")) return parts.join("");
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
}

function commonHeaders(parts: readonly Encoded[]): Record<string, string> {
  const [first] = parts;
  const common = Object.entries(first?.headers ?? {}).filter(([name, value]) =>
    parts.every(({ headers }) => headers[name] === value),
  );
  return Object.fromEntries(common);
}

function columnsOf(parts: readonly Encoded[], common: Readonly<Record<string, string>>): string[] {
  const columns: string[] = [];
  for (const { headers } of parts) {
    for (const name in headers) {
      if (!Object.hasOwn(common, name) && !columns.includes(name)) columns.push(name);
    }
  }
  return columns;
}

const LINE_FEED = 0x0a;

/**
 * The messages that a stored message stands for, be it compressed, a pack, both or neither.
 *
 * @param limit bytes that its body may inflate to
 * @throws InvalidBody where it cannot be inflated or taken apart
 */
export function unpacked(message: Received, limit: number): readonly Received[] {
  return decodePack(inflated(message, limit));
}

/**
 * The messages that a message stands for: itself, unless it is a pack.
 * @throws InvalidBody where a pack cannot be taken apart
 */
export function decodePack(message: Received): readonly Received[] {
  const columns = message.headers[HEADER.pack];
  if (columns === undefined) return [message];
  const { subject, data } = message;
  const { [HEADER.pack]: _, ...common } = message.headers;
  const names = columns.split(" ").filter((name) => name !== "");
  const end = data.indexOf(LINE_FEED);
  const rows = parseRows(data.subarray(0, Math.max(0, end)), names.length);
  let at = end + 1;
  const parts = rows.map((row): Received => {
    const start = at;
    at += row[names.length] as number;
    return { subject, headers: ownHeaders(common, names, row), data: data.subarray(start, at) };
  });
  if (at !== data.length) throw unreadable();
  return parts;
}

function ownHeaders(
  common: Readonly<Record<string, string>>,
  names: readonly string[],
  row: Row,
): Record<string, string> {
  const headers: Record<string, string> = { ...common };
  for (let at = 0; at < names.length; at++) {
    const value = row[at];
    if (typeof value === "string") headers[names[at] ?? ""] = value;
  }
  return headers;
}

function parseRows(line: Uint8Array, columns: number): Row[] {
  let rows: unknown;
  try {
    rows = JSON.parse(Buffer.from(line).toString("utf8"));
  } catch (cause) {
    throw unreadable(cause);
  }
  if (!Array.isArray(rows) || !rows.every((row) => isRow(row, columns))) throw unreadable();
  return rows;
}

function isRow(row: unknown, columns: number): row is Row {
  if (!Array.isArray(row) || row.length !== columns + 1) return false;
  const length: unknown = row[columns];
  return (
    Number.isSafeInteger(length) &&
    (length as number) >= 0 &&
    row.slice(0, -1).every((value) => value === null || typeof value === "string")
  );
}

function unreadable(cause?: unknown): InvalidBody {
  return new InvalidBody("The results that the message packs together cannot be read.", {
    path: HEADER.pack,
    cause,
  });
}
