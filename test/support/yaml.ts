/**
 * As much of YAML as Compose files of ours use: mappings by indentation, lists and mappings in brackets, plain and quoted
 * scalars, anchors, aliases and merge keys. What is anything else is an error, so that nothing is read wrongly.
 */

export type Yaml = string | Yaml[] | { [key: string]: Yaml };
type Mapping = { [key: string]: Yaml };

interface Line {
  number: number;
  indent: number;
  key: string;
  rest: string;
}

const KEY = /^( *)("[^"]+"|[\w.<-]+):(?: +(.*))?$/;

/** @throws Error that names the line */
export function parseYaml(text: string): Mapping {
  const lines = text.split("\n").flatMap((line, at) => readLine(line, at + 1));
  const reader = { lines, at: 0, anchors: new Map<string, Yaml>() };
  const value = readMapping(reader, 0);
  const left = lines[reader.at];
  if (left !== undefined) throw wrong(left.number, "is indented oddly");
  return value;
}

interface Reader {
  lines: readonly Line[];
  at: number;
  anchors: Map<string, Yaml>;
}

function readLine(line: string, number: number): Line[] {
  const bare = line.replace(/(^|\s)#.*$/, "").trimEnd();
  if (bare === "") return [];
  const match = KEY.exec(bare);
  if (match === null) throw wrong(number, `is no member of a mapping: ${bare}`);
  const [, spaces = "", key = "", rest = ""] = match;
  return [{ number, indent: spaces.length, key: key.replaceAll('"', ""), rest }];
}

function readMapping(reader: Reader, indent: number): Mapping {
  const own: Mapping = {};
  let merged: Mapping = {};
  for (let line = reader.lines[reader.at]; line?.indent === indent; line = reader.lines[reader.at]) {
    reader.at++;
    const value = readValue(reader, line);
    if (line.key === "<<") merged = { ...merged, ...(value as Mapping) };
    else if (line.key in own) throw wrong(line.number, `has "${line.key}" once more`);
    else own[line.key] = value;
  }
  return { ...merged, ...own };
}

function readValue(reader: Reader, line: Line): Yaml {
  const [, anchor, text = ""] = /^(?:&(\w+) *)?(.*)$/.exec(line.rest) ?? [];
  const value = text === "" ? readBelow(reader, line) : readInline(reader, line, text);
  if (anchor !== undefined) reader.anchors.set(anchor, value);
  return value;
}

/** A member without a value is an empty one. */
function readBelow(reader: Reader, { indent }: Line): Yaml {
  const next = reader.lines[reader.at];
  return next !== undefined && next.indent > indent ? readMapping(reader, next.indent) : "";
}

function readInline({ anchors }: Reader, { number }: Line, text: string): Yaml {
  if (text.startsWith("*")) {
    const value = anchors.get(text.slice(1));
    if (value === undefined) throw wrong(number, `names no anchor: ${text}`);
    return value;
  }
  if (text.startsWith("[")) return inside(number, text, "]").map((part) => scalar(number, part));
  if (!text.startsWith("{")) return scalar(number, text);
  const members = inside(number, text, "}").map((part) => {
    const colon = part.indexOf(": ");
    if (colon < 1) throw wrong(number, `has no member: ${part}`);
    return [part.slice(0, colon).trim(), scalar(number, part.slice(colon + 2).trim())] as const;
  });
  return Object.fromEntries(members);
}

/** What stands between brackets on one line, at its commas. */
function inside(number: number, text: string, closing: string): string[] {
  if (!text.endsWith(closing)) throw wrong(number, `misses its "${closing}"`);
  const parts = text.slice(1, -1).match(/(?:"[^"]*"|[^,"])+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

function scalar(number: number, text: string): string {
  if (/^"[^"\\]*"$/.test(text)) return text.slice(1, -1);
  if (/^["'&*!|>%@`[\]{}]|: | #|,$/.test(text))
    throw wrong(number, `has a scalar that is not read here: ${text}`);
  return text;
}

function wrong(number: number, what: string): Error {
  return new Error(`Line ${number} ${what}`);
}
