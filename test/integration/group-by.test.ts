/** `group-by` on a real nats-server: combined in workers, and across chunks in the aggregator. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

let server: ServerOnDisk;
let fleet: Fleet;

beforeAll(async () => {
  server = await serverOnDisk();
  fleet = await Fleet.join(server.url);
  await fleet.startAll();
});
afterAll(async () => {
  await fleet.stop();
  await server.remove();
});

const ORDERS = Array.from({ length: 3_000 }, (_, i) => ({ country: `c${i % 40}`, amount: i / 10 }));

function naiveSums(): Record<string, number> {
  const tenths = new Map<string, number>();
  for (const [i, { country }] of ORDERS.entries()) tenths.set(country, (tenths.get(country) ?? 0) + i);
  return Object.fromEntries([...tenths].map(([country, sum]) => [country, sum / 10]));
}

describe("group-by", () => {
  it.each([1, 7, 1_000, 3_000, "auto"])("gives the naive answer with chunks of %s", async (chunk) => {
    const reduce = { "group-by": "country", with: "sum", of: "amount" };
    const { text } = await fleet.run("echo", JSON.stringify({ items: ORDERS, reduce, chunk }));
    const sums: Record<string, number> = JSON.parse(text);
    const naive = naiveSums();
    expect(Object.keys(sums)).toEqual(Object.keys(naive).sort());
    for (const [country, sum] of Object.entries(naive)) expect(sums[country]).toBeCloseTo(sum, 6);
  });

  it.each([10, 3_000])(
    "fails the job past its bound, with chunks of %s, even where errors are to be left out",
    async (chunk) => {
      const reduce = { "group-by": "country", keys: 39 };
      const body = JSON.stringify({ items: ORDERS, reduce, chunk, onError: "continue" });
      const { outcome } = await fleet.run("echo", body);
      expect(outcome).toMatchObject({
        state: "failed",
        error: { code: "too_many_groups", path: "reduce.keys" },
      });
      expect(outcome.error?.message).toContain('more than 39 different "country"');
    },
  );

  it("is asked for in a header", async () => {
    const { text } = await fleet.run("echo", JSON.stringify(ORDERS), {
      reduce: "group-by:country:max:amount",
    });
    expect(JSON.parse(text)).toMatchObject({ c39: 299.9, c0: 296 });
  });
});
