/**
 * BullMQ on a Redis of its own, with an append-only file: a flow whose parent gathers its children, a plain queue, and the
 * time from adding a job to hearing that it is finished.
 */
import { execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FILE = fileURLToPath(import.meta.url);
/** Jobs that a worker process runs at once. */
const CONCURRENCY = 100;
const REDIS = [
  "--save",
  "",
  "--appendonly",
  "yes",
  "--appendfsync",
  "everysec",
  "--bind",
  "127.0.0.1",
  "--loglevel",
  "warning",
];
/** Jobs that are added in one call. */
const BULK = 1_000;

export const name = "BullMQ";

/** Why it cannot be run, or undefined. */
export async function missing() {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
  } catch {
    return "redis-server is not installed";
  }
  return await import("bullmq").then(
    () => undefined,
    () => "the package bullmq is not installed",
  );
}

/** Starts Redis and the worker processes. */
export async function start({ workers }) {
  const { FlowProducer, Queue, QueueEvents } = await import("bullmq");
  const folder = await mkdtemp(join(tmpdir(), "muster-bullmq-"));
  const connection = { host: "127.0.0.1", port: await freePort() };
  const redis = spawn("redis-server", ["--port", String(connection.port), "--dir", folder, ...REDIS], {
    stdio: "ignore",
  });
  await listening(connection);
  const args = [String(connection.port)];
  const children = Array.from({ length: workers }, () => fork(FILE, ["--worker", ...args]));
  children.push(fork(FILE, ["--parents", ...args]));
  await Promise.all(children.map((child) => once(child, "message")));
  const queues = ["single", "parents"].map((queue) => new Queue(queue, { connection }));
  const [single, parents] = queues;
  const [singleEvents, parentEvents] = ["single", "parents"].map(
    (queue) => new QueueEvents(queue, { connection }),
  );
  const flows = new FlowProducer({ connection });
  await Promise.all([singleEvents.waitUntilReady(), parentEvents.waitUntilReady(), single.waitUntilReady()]);

  /** A parent that gathers the outputs of `count` children. */
  const flow = async (count) => {
    const begun = performance.now();
    const child = (index) => ({
      name: "double",
      queueName: "children",
      data: index,
      opts: { removeOnComplete: true },
    });
    const tree = {
      name: "gather",
      queueName: "parents",
      children: Array.from({ length: count }, (_, i) => child(i)),
    };
    const { job } = await flows.add(tree);
    const sum = await job.waitUntilFinished(parentEvents);
    const ms = performance.now() - begun;
    if (sum !== count * (count - 1)) throw new Error(`BullMQ's flow gave ${sum}`);
    await parents.obliterate({ force: true });
    return ms;
  };

  /** `count` jobs that nobody gathers. */
  const queue = async (count) => {
    let left = count;
    let ended;
    const all = new Promise((resolve) => {
      ended = resolve;
    });
    const onCompleted = () => {
      if (--left === 0) ended();
    };
    singleEvents.on("completed", onCompleted);
    const begun = performance.now();
    for (let from = 0; from < count; from += BULK) {
      const size = Math.min(BULK, count - from);
      await single.addBulk(
        Array.from({ length: size }, (_, i) => ({
          name: "double",
          data: from + i,
          opts: { removeOnComplete: true },
        })),
      );
    }
    await all;
    singleEvents.off("completed", onCompleted);
    return performance.now() - begun;
  };

  /** One job from adding it to hearing its output. */
  const one = async (index) => {
    const begun = performance.now();
    const job = await single.add("double", index);
    const output = await job.waitUntilFinished(singleEvents);
    if (output !== index * 2) throw new Error(`BullMQ gave ${output}`);
    return performance.now() - begun;
  };

  const stop = async () => {
    await Promise.all([...queues, singleEvents, parentEvents, flows].map((part) => part.close()));
    for (const child of children) child.kill("SIGKILL");
    redis.kill();
    await once(redis, "exit");
    await rm(folder, { recursive: true, force: true });
  };
  const bullmq = JSON.parse(
    readFileSync(new URL("node_modules/bullmq/package.json", import.meta.url), "utf8"),
  ).version;
  const version = `BullMQ ${bullmq}, ${execFileSync("redis-server", ["--version"], { encoding: "utf8" }).split(" sha")[0]}`;
  const settings = `${workers} worker processes of concurrency ${CONCURRENCY}, one for parents; appendonly yes, appendfsync everysec`;
  return { flow, queue, one, stop, version, settings };
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function listening(connection) {
  const { default: Redis } = await import("ioredis");
  const client = new Redis({ ...connection, retryStrategy: () => 50 });
  client.on("error", () => {});
  await client.ping();
  client.disconnect();
}

async function runWorkers(parts) {
  const { Worker } = await import("bullmq");
  const connection = { host: "127.0.0.1", port: Number(process.argv[3]) };
  const workers = parts.map(
    ([queue, handler]) => new Worker(queue, handler, { connection, concurrency: CONCURRENCY }),
  );
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  process.send("ready");
}

const double = async (job) => job.data * 2;
const gather = async (job) =>
  Object.values(await job.getChildrenValues()).reduce((all, value) => all + value, 0);

if (process.argv[2] === "--worker")
  await runWorkers([
    ["children", double],
    ["single", double],
  ]);
if (process.argv[2] === "--parents") await runWorkers([["parents", gather]]);
