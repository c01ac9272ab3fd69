/** One public symbol as Markdown. */
import { blocks, code } from "../markdown.ts";
import { type Comment, readComment } from "./comment.ts";
import { type Block, blocksOf, type Declared } from "./declarations.ts";

/** The chapter of a symbol. */
export function chapter(symbol: Declared): string {
  return isClass(symbol) ? classChapter(symbol) : plainChapter(symbol);
}

export function isClass({ texts }: Declared): boolean {
  return /^(abstract )?class /.test(texts[0] ?? "");
}

function plainChapter({ name, texts, doc }: Declared): string {
  return blocks(`### ${name}`, ...described(readComment(doc), texts));
}

function classChapter(symbol: Declared): string {
  const { name, texts, doc } = symbol;
  const [head = ""] = (texts[0] ?? "").split("\n");
  return blocks(
    `### ${name}`,
    ...described(readComment(doc), [head.replace(/ \{$/, "")]),
    ...membersOf(symbol).map((member) => memberChapter(name, member)),
  );
}

/** A member of a class. */
export interface Member {
  name: string;
  texts: string[];
  comment: Comment;
}

const MEMBER = /^(?:static |readonly |get |protected |async |\*)*(\[?[\w.]+\]?)/;
/** What users neither call nor see; `Symbol.toStringTag` is how Node prints an object. */
const HIDDEN = /^(#private|private |protected |override |readonly \[Symbol\.toStringTag\])/;

/** The public members of a class; overloads are one. */
export function membersOf({ texts }: Declared): Member[] {
  const body = (texts[0] ?? "").split("\n").slice(1, -1).join("\n");
  const found = new Map<string, Member>();
  for (const block of blocksOf(dedented(body))) {
    const name = MEMBER.exec(block.code)?.[1] ?? "";
    const known = found.get(name);
    if (HIDDEN.test(block.code)) continue;
    if (known === undefined) found.set(name, memberOf(name, block));
    else known.texts.push(block.code);
  }
  return [...found.values()].filter(({ comment }) => !comment.isInternal);
}

function memberOf(name: string, block: Block): Member {
  return { name, texts: [block.code], comment: readComment(block.comment) };
}

function memberChapter(owner: string, { name, texts, comment }: Member): string {
  return blocks(`#### ${owner}: ${name.replace(/^\[(.*)\]$/, "$1")}`, ...described(comment, texts));
}

/** What is the same for all: the sentence, the signature, what it throws, and how it is used. */
function described({ text, params, throws, examples }: Comment, texts: readonly string[]): string[] {
  const listed = params.map(({ name, text: about }) => `- ${code(name)}: ${about}`).join("\n");
  return [
    text,
    fenced(texts.join("\n")),
    listed,
    throws === undefined ? "" : `Throws ${throws}.`,
    ...examples.map(fenced),
  ].filter((part) => part !== "");
}

function fenced(text: string): string {
  return `\`\`\`ts\n${text}\n\`\`\``;
}

function dedented(text: string): string {
  return text.replace(/^ {2}/gm, "");
}
