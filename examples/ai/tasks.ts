/** Reads mails with a language model: many at once, with a model that each thread loads once. */
import { task } from "muster";
import { type Reading, readWith, theModel } from "./model.ts";

export const read = task("read", {
  batch: true,
  run: async (texts: string[]): Promise<Reading[]> => {
    const model = await theModel();
    return texts.map((text) => readWith(model, text));
  },
  timeout: "60s",
});
