/** Reading of apt's source lists, in both their forms, as far as a search for the machine's own mirror needs it. */

/** One source of packages. */
export interface AptSource {
  uris: string[];
  suites: string[];
  components: string[];
  /** A path of a key ring, or the key itself (several lines), as it was written; undefined when apt's own keys hold. */
  signedBy: string | undefined;
}

/** Reads a file of the newer form: paragraphs of `Field: value`, continued by lines that begin with a blank. */
export function parseDeb822(text: string): AptSource[] {
  const lines = text.split(/\r?\n/).filter((line) => !line.startsWith("#"));
  const paragraphs = lines.join("\n").split(/\n[ \t]*(?:\n[ \t]*)*\n/);
  return paragraphs.flatMap((paragraph) => toSource(readFields(paragraph)));
}

function readFields(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [, name, value] of paragraph.matchAll(/^([\w-]+):((?:.*)(?:\n[ \t].*)*)/gm)) {
    if (name !== undefined && value !== undefined) fields.set(name.toLowerCase(), value.trimEnd());
  }
  return fields;
}

function toSource(fields: Map<string, string>): AptSource[] {
  const enabled = (fields.get("enabled") ?? "yes").trim().toLowerCase();
  if (!words(fields.get("types")).includes("deb") || ["no", "false"].includes(enabled)) return [];
  return [
    {
      uris: words(fields.get("uris")),
      suites: words(fields.get("suites")),
      components: words(fields.get("components")),
      signedBy: fields.get("signed-by")?.replace(/^[ \t]+/, ""),
    },
  ];
}

/** Reads a file of the older form: a line `deb [options] uri suite component…` each. */
export function parseOneLine(text: string): AptSource[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const found = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (found === null) return [];
    const [, options = "", uri = "", suite = "", components] = found;
    const signedBy = /(?:^|\s)signed-by=(\S+)/.exec(options)?.[1];
    return [{ uris: [uri], suites: [suite], components: words(components), signedBy }];
  });
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

/** Writes a source in the newer form. */
export function formatSource(source: AptSource): string {
  const lines = [
    "Types: deb",
    `URIs: ${source.uris.join(" ")}`,
    `Suites: ${source.suites.join(" ")}`,
    `Components: ${source.components.join(" ")}`,
  ];
  if (source.signedBy !== undefined) lines.push(`Signed-By: ${source.signedBy}`);
  return `${lines.join("\n")}\n`;
}
