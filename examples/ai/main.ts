/** Sentiment and entities of mails: what tells spam from ham? */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { compare, print } from "../compare.ts";
import type { Fleet } from "../fleet.ts";
import { isSpam, MAILS, readMail } from "../mails.ts";
import { type Reading, readWith, theModel } from "./model.ts";
import { read } from "./tasks.ts";

export async function main({ muster }: Fleet): Promise<void> {
  const mails = someMails(1_000);
  const texts = mails.map(textOf);
  await theModel(); // Its loading is no part of the work, here as in the threads.
  const readings = await compare(`reading ${texts.length} mails`, {
    plain: () => readPlainly(texts),
    job: () => muster.map(read, texts),
    finish: (readings) => readings,
    check: mostAgree,
  });
  for (const spam of [true, false]) {
    print(
      `  ${spam ? "spam" : "ham "}: ${summary(readings.filter((_, at) => isSpam(mails[at] ?? 0) === spam))}`,
    );
  }
}

/**
 * The model remembers words that it did not know: what it makes of a number such as `1618` depends on how that stood in the first text in
 * which this thread met it. So a few readings differ, whoever makes them in another order.
 */
export function mostAgree(readings: readonly Reading[], expected: readonly Reading[]): string {
  assert.equal(readings.length, expected.length);
  const agreeing = readings.filter((reading, at) => isDeepStrictEqual(reading, expected[at])).length;
  assert.ok(agreeing > 0.97 * expected.length, `only ${agreeing} of ${expected.length} readings agree`);
  return `${agreeing} of ${expected.length} readings are equal`;
}

/** Numbers of mails that are spread over the whole corpus. */
export function someMails(count: number): number[] {
  return Array.from({ length: count }, (_, at) => Math.floor((at * MAILS) / count));
}

/** The beginning of what stands behind the head of a mail, without markup. */
export function textOf(mail: number): string {
  const text = readMail(mail);
  return text
    .slice(text.indexOf("\n\n") + 2)
    .replace(/<[^>]*>/g, " ")
    .slice(0, 4_000);
}

export async function readPlainly(texts: readonly string[]): Promise<Reading[]> {
  const model = await theModel();
  return texts.map((text) => readWith(model, text));
}

function summary(readings: readonly Reading[]): string {
  const mean = (of: (reading: Reading) => number) =>
    (readings.reduce((sum, reading) => sum + of(reading), 0) / readings.length).toFixed(2);
  const types = ["MONEY", "PERCENT", "URL", "DATE"];
  const entities = types.map((type) => `${mean(({ entities }) => entities[type] ?? 0)} ${type}`);
  return `${readings.length} mails, sentiment ${mean(({ sentiment }) => sentiment)}, a mail has ${entities.join(", ")}`;
}
