import { describe, expect, it } from "vitest";
import { readCorpus } from "../../src/cli/demo/corpus.ts";
import { wordcount } from "../../src/cli/demo/handlers.ts";
import { addWords, countWords } from "../../src/cli/demo/words.ts";

describe("counting the words of a mail", () => {
  it("counts the body only, without markup, in any case", () => {
    const mail = "Subject: not this\nFrom: nobody\n\nThe cat <b class=x>and</b> the\n&nbsp;dog, a CAT.";
    expect(Object.fromEntries(countWords(mail))).toEqual({ the: 2, cat: 2, and: 1, dog: 1 });
  });

  it("keeps words that are names of an object's own things", () => {
    const counts = wordcount("\n\nconstructor toString valueOf constructor");
    expect(Object.keys(counts)).toEqual(["constructor", "tostring", "valueof"]);
    expect(JSON.parse(JSON.stringify(counts))).toEqual({ constructor: 2, tostring: 1, valueof: 1 });
  });

  it("adds up to the same, mail by mail", () => {
    const counts = new Map<string, number>();
    for (const mail of ["\n\nab cd", "\n\nab"]) addWords(counts, mail);
    expect(counts).toEqual(
      new Map([
        ["ab", 2],
        ["cd", 1],
      ]),
    );
  });
});

describe("the corpus", () => {
  it("is there with the development dependencies, whole", async () => {
    const corpus = await readCorpus();
    expect(corpus?.mails).toHaveLength(6046);
    expect(corpus?.bytes).toBeGreaterThan(30_000_000);
  });
});
