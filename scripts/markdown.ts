/** The little Markdown that generated documents need. */

/** A table; cells may hold Markdown, but no line breaks. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map(() => "---");
  return [head, rule, ...rows].map((cells) => `| ${cells.map(escapePipes).join(" | ")} |`).join("\n");
}

/** Text as inline code. */
export function code(text: string): string {
  return `\`${text}\``;
}

/** Several texts as inline code, separated by commas. */
export function codes(texts: readonly string[]): string {
  return texts.map(code).join(", ");
}

/** Paragraphs, lists and tables, with an empty line between each two. */
export function blocks(...parts: readonly string[]): string {
  return parts.join("\n\n");
}

function escapePipes(cell: string): string {
  return cell.replaceAll("|", "\\|");
}
