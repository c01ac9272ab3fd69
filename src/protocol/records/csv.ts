/** CSV as RFC 4180 has it: fields in double quotes may hold commas, line breaks and doubled quotes. */
import { InvalidBody } from "../../errors.ts";
import { type BadRecord, type Cutter, type InputRecord, type RawRecord, readText } from "./record.ts";
import { Unfinished } from "./unfinished.ts";

const COMMA = 0x2c;
const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const NOTHING = Buffer.alloc(0);

/** Where in a row a byte stands. */
type Place =
  /** A quote here opens a quoted field. */
  | "start"
  | "plain"
  | "quoted"
  /** Behind a quote in a quoted field: the field's end, or the first half of a doubled quote. */
  | "quote";

/** Cuts behind the line feeds that stand in no quotes. */
export class RowCutter implements Cutter {
  readonly #unfinished: Unfinished;
  #place: Place = "start";
  #line = 1;
  #rowLine = 1;

  constructor(limit: number) {
    this.#unfinished = new Unfinished(limit);
  }

  get line(): number {
    return this.#rowLine;
  }

  push(bytes: Buffer): RawRecord[] {
    const rows: RawRecord[] = [];
    let from = 0;
    for (let at = this.#rowEnd(bytes, from); at < bytes.length; at = this.#rowEnd(bytes, from)) {
      rows.push({ line: this.#rowLine, bytes: this.#unfinished.take(bytes.subarray(from, at)) });
      this.#rowLine = this.#line;
      from = at + 1;
    }
    this.#unfinished.add(bytes.subarray(from));
    return rows;
  }

  end(): RawRecord[] {
    if (this.#unfinished.isEmpty) return [];
    const row = { line: this.#rowLine, bytes: this.#unfinished.take(NOTHING) };
    return [this.#place === "quoted" ? { ...row, fault: "a quote in it is never closed." } : row];
  }

  /** Where the row ends whose bytes go on at `from`; the number of bytes where it goes on behind them. */
  #rowEnd(bytes: Buffer, from: number): number {
    let place = this.#place;
    let at = from;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === LINE_FEED) {
        this.#line++;
        if (place === "quoted") continue;
        place = "start";
        break;
      }
      place = after(place, byte);
    }
    this.#place = place;
    return at;
  }
}

function after(place: Place, byte: number | undefined): Place {
  if (place === "quoted") return byte === QUOTE ? "quote" : "quoted";
  if (byte === COMMA) return "start";
  return byte === QUOTE && place !== "plain" ? "quoted" : "plain";
}

/** Reads rows: arrays of their fields, or objects whose keys are the first row's. */
export class RowReader {
  #header: readonly string[] | undefined;
  readonly #hasHeader: boolean;

  constructor({ header }: { header: boolean }) {
    this.#hasHeader = header;
  }

  /** @throws InvalidBody when the header cannot be used: without it no row means anything */
  read(raw: RawRecord): InputRecord | undefined {
    if (!this.#hasHeader) return readText(raw, (text, line) => rowOf(text, line, arrayOf));
    if (this.#header !== undefined) return readText(raw, (text, line) => rowOf(text, line, this.#objectOf));
    const record = readText(raw, (text, line) => rowOf(text, line, arrayOf));
    if (record !== undefined) this.#header = headerOf(record, raw.line);
    return undefined;
  }

  readonly #objectOf = (fields: readonly string[]): string => {
    const names = this.#header ?? [];
    if (fields.length !== names.length)
      throw new OddRow(`it has ${fields.length} fields, and the header ${names.length}.`);
    return `{${fields.map((field, at) => `${names[at]}:${JSON.stringify(field)}`).join(",")}}`;
  };
}

/** Why a row is no record. */
class OddRow extends Error {}

function rowOf(
  text: string,
  line: number,
  write: (fields: readonly string[]) => string,
): string | BadRecord | undefined {
  const row = text.endsWith("\r") ? text.slice(0, -1) : text;
  if (row === "") return undefined;
  try {
    return write(fieldsOf(row));
  } catch (error) {
    if (error instanceof OddRow) return { line, reason: error.message };
    throw error;
  }
}

function arrayOf(fields: readonly string[]): string {
  return JSON.stringify(fields);
}

/** The keys of objects, as JSON texts. */
function headerOf(record: string | BadRecord, line: number): readonly string[] {
  if (typeof record !== "string")
    throw new InvalidBody(`The header in line ${line} cannot be read: ${record.reason}`);
  const names = JSON.parse(record) as string[];
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw new InvalidBody(`The header in line ${line} has "${twice}" twice.`);
  if (names.includes("__proto__"))
    throw new InvalidBody(`The header in line ${line} has "__proto__", which no object may have.`);
  return names.map((name) => JSON.stringify(name));
}

/** @throws OddRow */
function fieldsOf(row: string): string[] {
  if (!row.includes('"')) return row.split(",");
  const fields: string[] = [];
  for (let at = 0; at <= row.length; ) {
    const end = row[at] === '"' ? quotedEnd(row, at) : plainEnd(row, at);
    fields.push(fieldOf(row.slice(at, end)));
    at = end + 1;
  }
  return fields;
}

function plainEnd(row: string, from: number): number {
  const comma = row.indexOf(",", from);
  return comma < 0 ? row.length : comma;
}

/** Behind the quote that closes the field. */
function quotedEnd(row: string, from: number): number {
  let quote = row.indexOf('"', from + 1);
  while (quote >= 0 && row[quote + 1] === '"') quote = row.indexOf('"', quote + 2);
  if (quote < 0) throw new OddRow("a quote in it is never closed.");
  if (quote + 1 < row.length && row[quote + 1] !== ",")
    throw new OddRow(`"${row.slice(quote + 1, quote + 9)}" stands behind a closing quote.`);
  return quote + 1;
}

function fieldOf(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
}
