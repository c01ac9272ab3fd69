/**
 * Handlers that do their worst, on real processes and a real server: the item ends as a dead letter, its neighbours as if
 * it were not there, and the worker goes on. What single passes make of them is in threads.test.ts, workers that die with
 * their item in faults.test.ts.
 */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ActorProcess, Actors } from "../support/actor-process.ts";
import { type CliProcess, cliProcess } from "../support/cli.ts";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../support/fixtures/${name}`, import.meta.url));
const HANDLERS = ["--handlers", fixture("handlers/poison.mjs")];

let server: ServerOnDisk;
let fleet: Fleet;
let actors: Actors;
let worker: ActorProcess;

beforeAll(async () => {
  server = await serverOnDisk();
  fleet = await Fleet.join(server.url);
  actors = new Actors(server.url);
  await fleet.start("dispatcher");
  await fleet.start("aggregator", { handlers: [fixture("handlers/poison.mjs")] });
  worker = await actors.start("worker", ...HANDLERS, "--slots", "2");
});

afterAll(async () => {
  await actors?.stop();
  await fleet?.stop();
  await server?.remove();
});

/** Where no timeout is awaited: the machine may be busy. */
const PATIENT = { timeout: "20s" };

/** One chunk in which `item` has neighbours. */
async function among(kind: string, item: unknown, more: Record<string, string | number> = {}) {
  const job = await fleet.client.submit({
    kind,
    body: JSON.stringify([1, item, 3, 4]),
    options: { chunk: 4, onError: "continue", backoff: 1, ...more },
  });
  const { outcome, text } = await fleet.result(job);
  const letters = await fleet.client.deadLetters(job);
  return { outcome, outputs: JSON.parse(text) as unknown[], letters };
}

interface Death {
  code: string;
  /** What its failure says. */
  says: RegExp;
  attempts: number;
}

async function expectDeadLetter(kind: string, item: unknown, { code, says, attempts }: Death) {
  const more = code === timedOut.code ? {} : PATIENT;
  const { outcome, outputs, letters } = await among(kind, item, more);
  expect(outputs).toEqual([2, null, 6, 8]);
  expect(outcome).toMatchObject({ state: "succeeded", counts: { items: 4, failed: 1 } });
  const death = { index: 1, code, message: expect.stringMatching(says), attempts };
  expect(letters).toEqual([expect.objectContaining({ ...death, input: JSON.stringify(item) })]);
}

/** The same process still runs, and takes what comes next. */
async function expectSameWorker(...kinds: string[]) {
  expect(worker.child.exitCode ?? worker.child.signalCode).toBeNull();
  for (const kind of kinds) expect((await among(kind, 2, PATIENT)).outputs).toEqual([2, 4, 6, 8]);
}

const failed = (says: RegExp): Death => ({ code: "handler_failed", says, attempts: 2 });
const crashed = (says: RegExp): Death => ({ code: "handler_crashed", says, attempts: 2 });
const timedOut: Death = { code: "handler_timed_out", says: /within 400 ms/, attempts: 2 };
/** Another attempt would come to the same. */
const unwritable = (says: RegExp): Death => ({ code: "invalid_output", says, attempts: 1 });

const HARMLESS: readonly (readonly [deed: string, death: Death])[] = [
  ["throw", failed(/^thrown in the open$/)],
  ["throw-null", failed(/^it threw null$/)],
  ["throw-getter", failed(/cannot be shown/)],
  ["throw-proxy", failed(/cannot be shown/)],
  ["return-proxy", failed(/hands off/)],
  ["circular", unwritable(/refers to itself/)],
  ["never", timedOut],
];

describe("an item whose handler is poison", () => {
  it.concurrent.each(HARMLESS)("fails alone in a thread: %s", (deed, death) =>
    expectDeadLetter("threaded", { do: deed }, death),
  );

  it.concurrent.each(HARMLESS)("fails alone on the worker's own event loop: %s", (deed, death) =>
    expectDeadLetter("inline", { do: deed }, death),
  );

  it.concurrent.each(HARMLESS)("fails alone in a batch: %s", (deed, death) =>
    expectDeadLetter("batch", { do: deed }, death),
  );

  it.concurrent.each<[string, Death]>([
    ["exit", crashed(/code 7/)],
    ["spin", timedOut],
    ["later-rejection", crashed(/too late to be caught/)],
    // Node refuses it in threads.
    ["abort", failed(/not supported in workers/)],
  ])("costs its thread, and nothing else: %s", (deed, death) =>
    expectDeadLetter("threaded", { do: deed }, death),
  );

  it.concurrent("cannot end the worker from its own event loop: exit", () =>
    expectDeadLetter("inline", { do: "exit" }, crashed(/process\.exit\(7\)/)));

  it.concurrent("costs its thread when memory runs out", async () => {
    await fleet.start("worker", {
      handlers: [fixture("handlers/trouble.mjs")],
      slots: 1,
      threadMemoryMb: 48,
    });
    await expectDeadLetter("trouble", { do: "exhaust" }, { ...crashed(/memory/), attempts: 3 });
    expect((await among("trouble", 2)).outputs).toEqual([2, 4, 6, 8]);
  });

  it.concurrent.each([
    ["threaded", "leave-timers", "left"],
    ["inline", "leave-timers", "left"],
    ["threaded", "pollute", "polluted"],
    ["threaded", "close-streams", "closed"],
    ["threaded", "change-item", "changed"],
  ])("is one like any other where it only leaves a mess behind: %s, %s", async (kind, deed, output) => {
    expect((await among(kind, { do: deed }, PATIENT)).outputs).toEqual([2, output, 6, 8]);
  });

  it.concurrent.each(["threaded", "inline", "batch"])(
    "may return more than a message holds: %s",
    async (kind) => {
      const { outputs } = await among(kind, { do: "huge" }, PATIENT);
      expect([outputs[0], String(outputs[1]).length, ...outputs.slice(2)]).toEqual([
        2,
        9 * 1024 * 1024,
        6,
        8,
      ]);
    },
  );
});

describe("a worker that had poison", () => {
  it("is the same process, and runs the next jobs", () => expectSameWorker("threaded", "inline", "batch"));

  it("replaces a thread in which a promise is rejected that nobody waits for any longer", async () => {
    const died = worker.until(
      (line) => line.where === "handler threads" && JSON.stringify(line).includes("too late"),
    );
    const { outputs } = await among("threaded", { do: "reject-when-idle" }, PATIENT);
    expect(outputs).toEqual([2, "idle", 6, 8]);
    await died;
    await expectSameWorker("threaded");
  });
});

describe("a reducer of the user's that throws", () => {
  it("fails its job with its own words, and no other", async () => {
    const items = Array.from({ length: 10 }, (_, item) => item);
    const { outcome } = await fleet.run("unreducible", JSON.stringify(items), { chunk: 5, reduce: "reduce" });
    expect(outcome).toMatchObject({
      state: "failed",
      error: { code: "handler_failed", message: expect.stringContaining("cannot combine") },
    });
    await expectSameWorker("threaded");
  });
});

describe("a command that is poison", () => {
  const COMMAND = ["--kind", "command", "--slots", "2", "--", process.execPath, fixture("exec/poison.mjs")];
  const deaths: readonly (readonly [deed: string, code: string, says: RegExp])[] = [
    ["exit", "handler_crashed", /code 9/],
    ["kill", "handler_crashed", /SIGKILL/],
    ["abort", "handler_crashed", /SIGABRT/],
    ["garbage", "handler_crashed", /not JSON/],
    ["no-answer", "handler_timed_out", /1500 ms/],
    ["endless", "handler_timed_out", /1500 ms/],
    ["close-stdout", "handler_timed_out", /1500 ms/],
  ];
  let exec: CliProcess;

  beforeAll(async () => {
    exec = cliProcess(["worker", "exec", ...COMMAND], server.url);
    await exec.stderr.until(/actor\.started/);
  });
  afterAll(() => exec?.kill("SIGKILL"));

  async function commanded(item: string, timeout: number | string = "20s") {
    const options = { chunk: 4, onError: "continue", backoff: 1, maxAttempts: 2, timeout };
    const body = JSON.stringify([1, item, 3, 4]);
    const job = await fleet.client.submit({ kind: "command", body, options });
    const { text } = await fleet.result(job);
    return { outputs: JSON.parse(text) as unknown[], letters: await fleet.client.deadLetters(job) };
  }

  it.concurrent.each(deaths)("fails alone whatever it does to itself: %s", async (deed, code, says) => {
    const { outputs, letters } = await commanded(deed, code === timedOut.code ? 1_500 : "20s");
    expect(outputs).toEqual([2, null, 6, 8]);
    expect(letters).toMatchObject([{ index: 1, code, message: expect.stringMatching(says), attempts: 2 }]);
  });

  it("is gone soon after its worker was killed, as its standard input ends", async () => {
    const { outputs } = await commanded("pid");
    exec.kill("SIGKILL");
    await exec.ended;
    await expect.poll(() => isRunning(Number(outputs[1])), { timeout: 20_000 }).toBe(false);
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
