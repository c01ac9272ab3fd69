/** The model: `wink-nlp` with its English model, some 4 MB. */
import type { WinkMethods } from "wink-nlp";

/** What the model says of a text. */
export interface Reading {
  /** From -1, bad, to 1, good. */
  sentiment: number;
  /** How many entities of each type it names: `MONEY`, `DATE`, `URL`, … */
  entities: Record<string, number>;
}

let loaded: Promise<WinkMethods> | undefined;

/** Loads the model when it is first asked for: a program that only calls the task does not need it. */
export function theModel(): Promise<WinkMethods> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<WinkMethods> {
  const [{ default: winkNLP }, { default: english }] = await Promise.all([
    import("wink-nlp"),
    import("wink-eng-lite-web-model"),
  ]);
  return winkNLP(english, ["sbd", "negation", "sentiment", "ner"]);
}

export function readWith({ readDoc, its }: WinkMethods, text: string): Reading {
  const document = readDoc(text);
  const entities: Record<string, number> = {};
  for (const type of document.entities().out(its.type)) entities[type] = (entities[type] ?? 0) + 1;
  return { sentiment: Number(document.out(its.sentiment)), entities };
}
