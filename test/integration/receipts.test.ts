/** Receipts of jobs on a real nats-server: what they count, and that it does not depend on how the work was cut. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Receipt } from "../../src/domain/receipt.ts";
import { receiptOf } from "../../src/domain/receipt.ts";
import { cli } from "../support/cli.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

const HANDLERS = `
export const flaky = (n, { attempt, index }) => {
  if (index % 10 === 3 && attempt === 1) throw new Error("not yet");
  if (index === 7) throw new Error("never");
  return { n, square: n * n };
};
export const size = (item) => JSON.stringify(item).length;
`;

let server: ServerOnDisk;
let fleet: Fleet;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-receipts-"));
  await writeFile(join(folder, "handlers.mjs"), HANDLERS);
  server = await serverOnDisk();
  fleet = await Fleet.join(server.url);
  await fleet.startAll({ handlers: [join(folder, "handlers.mjs")] });
});
afterAll(async () => {
  await fleet.stop();
  await server.remove();
  await rm(folder, { recursive: true });
});

async function receiptFor(kind: string, body: unknown): Promise<Receipt> {
  const { outcome } = await fleet.run(kind, JSON.stringify(body));
  return receiptOf(outcome);
}

describe("a receipt", () => {
  it("has the same digests whatever the chunks, the reducer and the way the items came", async () => {
    const range = { range: { to: 500 }, reduce: "sum" };
    const receipts = await Promise.all([
      receiptFor("double", { ...range, chunk: 500 }),
      receiptFor("double", { ...range, chunk: 7 }),
      receiptFor("double", { ...range, window: 3 }),
      receiptFor("double", { ...range, reduce: "collect" }),
      receiptFor("double", { items: Array.from({ length: 500 }, (_, i) => i), reduce: "mean" }),
    ]);
    expect(new Set(receipts.map(({ digests }) => JSON.stringify(digests))).size).toBe(1);
    expect(receipts.map(({ tasks }) => tasks)).toMatchObject([
      1,
      72,
      expect.any(Number),
      expect.any(Number),
      expect.any(Number),
    ]);
    for (const receipt of receipts) {
      expect(receipt).toMatchObject({
        state: "succeeded",
        items: 500,
        outputs: 500,
        attempts: 500,
        failed: 0,
      });
      expect(receipt.workers).toMatchObject({ count: 1, slots: 2 });
    }
    const other = await receiptFor("double", { range: { from: 1, to: 501 }, reduce: "sum" });
    expect(other.digests?.inputs).not.toBe(receipts[0]?.digests?.inputs);
    expect(other.digests?.outputs).not.toBe(receipts[0]?.digests?.outputs);
  });

  it("counts retries and failed items; digests are those of the items with outputs", async () => {
    const body = { range: { to: 20 }, onError: "continue", maxAttempts: 2, backoff: 1 };
    const cuts = await Promise.all([5, 20, 1].map((chunk) => receiptFor("flaky", { ...body, chunk })));
    for (const receipt of cuts) {
      expect(receipt).toMatchObject({ items: 20, outputs: 19, failed: 1, attempts: 23 });
      expect(receipt.digests).toEqual(cuts[0]?.digests);
    }
  });

  it("gives times and the pace of the work", async () => {
    const receipt = await receiptFor("sleep", { items: [100, 100, 100, 100], chunk: 1 });
    const { began = "", ended = "", submitted, finished, elapsedMs = 0, speedUp, efficiency } = receipt;
    const times = [submitted, began, ended, finished].map((time) => Date.parse(time));
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
    expect(elapsedMs).toBeGreaterThanOrEqual(200);
    expect(speedUp).toBeGreaterThan(1.2);
    expect(speedUp).toBeLessThanOrEqual(2.02);
    expect(efficiency).toBeGreaterThan(0.6);
    expect(efficiency).toBeLessThanOrEqual(1.01);
  });

  it("is there for a job that was cancelled, with what is known of it", async () => {
    const job = await fleet.client.submit({ kind: "sleep", body: "[60000]", options: { key: "cut-short" } });
    await fleet.client.ask("cancel", { job });
    const receipt = await fleet.client.ask<Receipt>("receipt", { job });
    expect(receipt).toMatchObject({ job, state: "cancelled", items: 0, tasks: 0 });
    expect(receipt).not.toHaveProperty("digests");
  });

  it("is printed by the command line, as a table and as JSON, and told over NATS", async () => {
    const muster = (...args: string[]) => cli(args, { env: { NATS_URL: server.url } });
    await muster("map", "size", '["a",{"b":[1.5,null]},3]', "--key", "printed");
    const table = await muster("result", "printed", "--receipt");
    expect(table.code).toBe(0);
    expect(table.stdout).toMatch(/^job +printed\n/);
    expect(table.stdout).toMatch(/^items +3, 0 of them failed$/m);
    expect(table.stdout).toMatch(/^attempts +3, 0 of them retries$/m);
    expect(table.stdout).toMatch(/^inputs +digest [0-9a-f]{16}$/m);
    expect(table.stdout).toMatch(/^workers +1 with 2 slots: /m);
    const json = JSON.parse((await muster("result", "printed", "--receipt", "--json")).stdout);
    expect(json).toMatchObject({ job: "printed", items: 3, outputs: 3, attempts: 3, duplicates: 0 });
    expect(await fleet.client.ask("receipt", { job: "printed" })).toEqual(json);
    await expect(fleet.client.ask("receipt", { job: "nobody" })).rejects.toMatchObject({
      code: "unknown_job",
    });
  });
});
