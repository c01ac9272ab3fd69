/** Readings of a language model, in batches. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { mostAgree, readPlainly, someMails, textOf } from "../../examples/ai/main.ts";
import { read } from "../../examples/ai/tasks.ts";
import { Fleet } from "../../examples/fleet.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start({ handlers: new URL("../../examples/ai/tasks.ts", import.meta.url) });
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

it("reads mails as a plain loop does, but for what the model remembers", async () => {
  const texts = someMails(150).map(textOf);
  mostAgree(await fleet.muster.map(read, texts), await readPlainly(texts));
});

it("knows good from bad, and what is named", async () => {
  const [good, bad] = await fleet.muster.map(read, [
    "I love this, it is great!",
    "I hate this; write to a@b.org.",
  ]);
  expect(good?.sentiment).toBeGreaterThan(0);
  expect(bad?.sentiment).toBeLessThan(0);
  expect(bad?.entities).toEqual({ EMAIL: 1 });
});
