/** The tasks over a fleet in memory: no nats-server is needed. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { JobFailed, type Muster } from "muster";
import { testMuster } from "muster/testing";
import { ratio, words } from "../src/tasks.ts";

let muster: Muster;
before(async () => {
  muster = await testMuster({ tasks: [ratio, words] });
});
after(() => muster.close());

test("words of several texts are counted together", async () => {
  assert.deepEqual(await muster.map(words, ["to be", "or not to be"]), { be: 2, not: 1, or: 1, to: 2 });
});

test("a part of nothing fails, and says which item it was", async () => {
  const job = muster.map(ratio, [
    { part: 1, whole: 4 },
    { part: 1, whole: 0 },
  ]);
  await assert.rejects(job, (error) => error instanceof JobFailed && error.failures[0]?.index === 1);
});
