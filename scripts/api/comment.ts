/** A comment, taken apart. */
export interface Comment {
  /** What stands above the tags, as Markdown. */
  text: string;
  throws: string | undefined;
  params: { name: string; text: string }[];
  examples: string[];
  isInternal: boolean;
}

/** Takes a comment apart. A tag reaches to the next line that begins with one. */
export function readComment(doc: string): Comment {
  const [text = "", ...tags] = `\n${doc}`.split(/(?:^|(?<=\s))(?=@(?:param|throws|example|internal)\b)/m);
  const of = (name: string) =>
    tags.filter((tag) => tag.startsWith(`@${name}`)).map((tag) => tag.slice(name.length + 1).trim());
  return {
    text: prose(text),
    throws: of("throws").map(prose).join(" ") || undefined,
    params: of("param").map(readParam),
    examples: of("example"),
    isInternal: of("internal").length > 0,
  };
}

function readParam(tag: string): Comment["params"][number] {
  const [name = "", ...words] = tag.split(/\s+/);
  return { name, text: prose(words.join(" ")) };
}

function prose(text: string): string {
  const linked = text.trim().replace(/\{@link ([\w.]+)\}/g, "`$1`");
  return linked.replace(/\s*@default (.+)/g, " Default: $1.");
}
