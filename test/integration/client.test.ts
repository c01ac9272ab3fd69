import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, InputMismatch, type Muster, range } from "../../src/index.ts";
import { JobFailed } from "../../src/errors.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";
import { area, flaky, half, lengths, longest } from "../support/fixtures/tasks/tasks.ts";

const TASKS = fileURLToPath(new URL("../support/fixtures/tasks/tasks.ts", import.meta.url));

let server: ServerOnDisk;
let fleet: Fleet;
let muster: Muster;

beforeAll(async () => {
  server = await serverOnDisk();
  fleet = await Fleet.join(server.url, { lease: 2_000 });
  await fleet.startAll({ handlers: [TASKS] });
  muster = await connect({ server: server.url, env: {} });
});
afterAll(async () => {
  await muster?.close();
  await fleet?.stop();
  await server?.remove();
});

describe("the typed client", () => {
  it("runs a task", async () => {
    console.time("a");
    expect(await muster.map(area, [{ width: 2, height: 3 }, { width: 4 }])).toBe(10);
    console.timeEnd("a");
    expect(await muster.map(area, [{ width: 2, height: 3 }, { width: 4 }], { reduce: "collect" })).toEqual([6, 4]);
    expect(await muster.map(longest, ["a", "abc", "ab"])).toBe("abc");
    expect(await muster.map(lengths, ["a", "", "ab"], { onError: "continue" })).toEqual([1, null, 2]);
    expect(await muster.map("double", range(4))).toEqual([0, 2, 4, 6]);
    expect(await muster.run(half, 4)).toBe(2);
    await expect(muster.run(half, 3)).rejects.toThrow("does not fit");
    await expect(muster.map(area, [{ width: 1 }, { width: -1 }])).rejects.toBeInstanceOf(InputMismatch);
    expect(await muster.map(flaky, [true, false])).toEqual([3, 1]);
    const got: number[] = [];
    for await (const x of muster.map<number>("double", range(10000)).outputs({ ordered: false })) got.push(x);
    expect(got.length).toBe(10000);
    const err = await muster.map("fail", [1, 2], {retries: 0}).catch((e) => e);
    expect(err).toBeInstanceOf(JobFailed);
    console.log(err, err.failures);
  });
});
