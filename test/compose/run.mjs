/**
 * Brings docker-compose.yml up with the engine that is there, and runs a job of 10,000 items through it. On the way the
 * server that leads the task stream is stopped and a worker is killed; the sum must be exact. `--keep` leaves all running.
 */
import { randomBytes } from "node:crypto";
import { missingEngine } from "./engine.mjs";
import { Fleet, isFinal } from "./fleet.mjs";

const ITEMS = 10_000;
const WORKERS = 3;
const ACTORS = WORKERS + 4;
/** How many items must be done before the server is stopped, and before the worker is killed. */
const SERVER_STOPS_AT = ITEMS / 10;
const WORKER_DIES_AT = ITEMS / 2;
const JOB_LIMIT_MS = 5 * 60_000;

const began = Date.now();
const say = (text) =>
  void process.stdout.write(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);

/** Milliseconds to sleep: some 130 s in all, so that there is time to break things. The sum of the answers is that of the items. */
const items = Array.from({ length: ITEMS }, (_, index) => 1 + (index % 25));
const expected = items.reduce((sum, item) => sum + item, 0);

async function bringUp(fleet) {
  say("building the image");
  await fleet.build();
  say(`starting 3 servers, 2 dispatchers, 2 aggregators, ${WORKERS} workers`);
  await fleet.up(WORKERS);
  await fleet.started(ACTORS);
  say("all have started");
}

async function runJob(fleet) {
  const input = JSON.stringify(items);
  const job = (
    await fleet.muster("dispatcher", ["submit", "sleep", "-", "--reduce", "sum"], { input })
  ).trim();
  say(`job ${job} of ${ITEMS} items submitted`);
  const stopped = await stopServer(fleet, job);
  await killWorker(fleet, job);
  const text = await fleet.muster("dispatcher", ["result", job, "--wait", "5m", "--json"], {
    limitMs: JOB_LIMIT_MS,
  });
  check(JSON.parse(text));
  return stopped;
}

async function stopServer(fleet, job) {
  const { items } = await whileRunning(fleet, job, SERVER_STOPS_AT);
  const server = await fleet.leaderOf("MUSTER_TASKS");
  say(`${items} items done: stopping ${server}, which leads the task stream`);
  await fleet.stop(server);
  return server;
}

async function killWorker(fleet, job) {
  const { items } = await whileRunning(fleet, job, WORKER_DIES_AT);
  say(`${items} items done: killing a worker`);
  say(`killed ${await fleet.killOne("worker")}`);
}

/** A job that ended before it was disturbed would show nothing. */
async function whileRunning(fleet, job, count) {
  const view = await fleet.reached(job, count);
  if (isFinal(view)) throw new Error(`The job has ended too early: ${JSON.stringify(view)}.`);
  return view;
}

function check(outcome) {
  const { state, counts, result } = outcome;
  const right = state === "succeeded" && counts.items === ITEMS && counts.failed === 0 && result === expected;
  if (!right)
    throw new Error(`The sum should be ${expected}, and this came out: ${JSON.stringify(outcome)}.`);
  say(
    `the sum is ${result}, as it should be; ${counts.tasks} tasks, ${counts.duplicates} results came twice`,
  );
}

async function bringBack(fleet, server) {
  say(`starting ${server} again`);
  await fleet.start(server);
  const result = await fleet.muster("dispatcher", ["map", "double", "[1,2,3,4,5]"]);
  if (result.trim() !== "[2,4,6,8,10]") throw new Error(`The fleet of before answers ${result}.`);
  say(`${server} has caught up, and the fleet works on`);
}

async function takeDown(fleet, keep, project) {
  if (keep) return say(`left running: docker compose -p ${project} down --volumes takes it down`);
  say("taking all down");
  await fleet.down();
}

async function tryCompose(keep) {
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupt.abort());
  const project = `muster-test-${randomBytes(4).toString("hex")}`;
  const fleet = new Fleet(project, interrupt.signal);
  try {
    await bringUp(fleet);
    await bringBack(fleet, await runJob(fleet));
  } catch (error) {
    process.stderr.write(`${await fleet.logs().catch(() => "")}\n`);
    throw error;
  } finally {
    await takeDown(fleet, keep, project);
  }
}

const missing = await missingEngine();
if (missing !== undefined) {
  process.stdout.write(`compose: not run (${missing})\n`);
} else {
  try {
    await tryCompose(process.argv.includes("--keep"));
    process.stdout.write("compose: passed\n");
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.stdout.write("compose: failed\n");
    process.exitCode = 1;
  }
}
