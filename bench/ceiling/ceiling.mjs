/**
 * The ceiling: what the broker and the client library allow for single-item tasks, without any of muster's features.
 *
 * The same streams and consumers (muster's own topology under another prefix) and the same processes: a dispatcher
 * publishes tasks, pipelined; workers take them, double them, store the result, and acknowledge the task once that is
 * stored; an aggregator reads the results and gives back all of them. No chunks, no cursor, no batches, no retries, no
 * leases kept alive, no duplicates found, no checkpoints, no outcome, no threads, no slots: nothing survives a crash.
 *
 *   node bench/ceiling/ceiling.mjs [tasks] [workers] [runs]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect, createInbox } from "nats";

const FILE = fileURLToPath(import.meta.url);
const DIST = "../../dist";
/** Publishes that wait for their acknowledgement at once. */
const IN_FLIGHT = 4096;
/** Messages that a consumer is asked for ahead. */
const AHEAD = 1024;
const KIND = "double";

const roles = { dispatcher, worker, aggregator };

/** Publishes with an acknowledgement: one inbox subscription, one map. */
function publisher(nc) {
  const inbox = createInbox();
  const waiting = new Map();
  let next = 0;
  nc.subscribe(`${inbox}.*`, {
    callback: (_error, message) => {
      const token = message.subject.slice(inbox.length + 1);
      const stored = waiting.get(token);
      waiting.delete(token);
      stored();
    },
  });
  return (subject, data, stored) => {
    const token = String(next++);
    waiting.set(token, stored);
    nc.publish(subject, data, { reply: `${inbox}.${token}` });
  };
}

/** Pulls from a consumer, and asks again at the half. */
function pull(nc, stream, consumer, onMessage) {
  const inbox = createInbox();
  let open = 0;
  const ask = () => {
    const batch = AHEAD - open;
    open = AHEAD;
    nc.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
      JSON.stringify({ batch, expires: 3600e9 }),
      { reply: inbox },
    );
  };
  nc.subscribe(inbox, {
    callback: (_error, message) => {
      onMessage(message);
      if (--open <= AHEAD / 2) ask();
    },
  });
  ask();
}

const lastToken = ({ subject }) => subject.slice(subject.lastIndexOf(".") + 1);

function dispatcher(nc) {
  const publish = publisher(nc);
  nc.subscribe("ceiling.go", {
    callback: (_error, message) => {
      const { job, count } = message.json();
      let [sent, stored] = [0, 0];
      const more = () => {
        for (; sent < count && sent - stored < IN_FLIGHT; sent++) {
          publish(`ceiling.tasks.${KIND}.normal.${job}`, String(sent), () => {
            stored++;
            more();
          });
        }
      };
      more();
    },
  });
}

function worker(nc) {
  const publish = publisher(nc);
  pull(nc, "CEILING_TASKS", `tasks_${KIND}_normal`, (task) => {
    const index = Number(task.string());
    const output = index * 2;
    publish(`ceiling.results.0.${lastToken(task)}`, `${index}:${output}`, () => task.respond("+ACK"));
  });
}

function aggregator(nc) {
  let job;
  nc.subscribe("ceiling.go", {
    callback: (_error, message) => {
      const { count } = message.json();
      job = { outputs: new Array(count), left: count, client: message.reply };
    },
  });
  pull(nc, "CEILING_RESULTS", "results", (result) => {
    const [index, output] = result.string().split(":").map(Number);
    job.outputs[index] = output;
    if (--job.left === 0) nc.publish(job.client, JSON.stringify(job.outputs));
  });
}

/** Starts the processes on a server; `run(count)` resolves with the milliseconds that so many tasks took. */
export async function startCeiling({ url, workers }) {
  const nc = await connect({ servers: url });
  await createStreams(url, nc);
  const names = ["dispatcher", "aggregator", ...Array.from({ length: workers }, () => "worker")];
  const children = names.map((role) => fork(FILE, ["--role", role, url]));
  await Promise.all(children.map((child) => once(child, "message")));
  const run = async (count) => {
    const inbox = createInbox();
    const answers = nc.subscribe(inbox, { max: 1 });
    const begun = performance.now();
    nc.publish("ceiling.go", JSON.stringify({ job: `j${begun}`.replace(".", "-"), count }), { reply: inbox });
    for await (const answer of answers) check(answer.json(), count);
    const ms = performance.now() - begun;
    // The aggregator keeps no position: the next run must not wait for what lies before it.
    await nc.request("$JS.API.STREAM.PURGE.CEILING_RESULTS");
    return ms;
  };
  const stop = async () => {
    await Promise.all(children.map((child) => [once(child, "exit"), child.kill()][0]));
    await nc.close();
  };
  return { run, stop, pids: children.map((child, i) => ({ name: names[i], pid: child.pid })) };
}

function check(outputs, count) {
  const sum = outputs.reduce((all, value) => all + value, 0);
  if (outputs.length !== count || sum !== count * (count - 1))
    throw new Error("the ceiling's result is wrong");
}

/** Exactly muster's streams and task consumer, and a consumer for the aggregator. */
async function createStreams(url, nc) {
  const { joinFleet } = await import(`${DIST}/bootstrap/node.js`);
  const { connectionTo } = await import(`${DIST}/bootstrap/embedded.js`);
  const { taskConsumers } = await import(`${DIST}/broker/topology.js`);
  const node = await joinFleet({ connection: await connectionTo(url), prefix: "ceiling" });
  for (const plan of taskConsumers(node.context("client").topology, KIND))
    await node.broker.ensureConsumer(plan);
  await node.close();
  const config = {
    name: "results",
    ack_policy: "none",
    deliver_policy: "all",
    filter_subject: "ceiling.results.0.*",
    mem_storage: true,
  };
  const body = JSON.stringify({ stream_name: "CEILING_RESULTS", config });
  await nc.request("$JS.API.CONSUMER.CREATE.CEILING_RESULTS.results.ceiling.results.0.*", body);
}

async function main([tasks = "50000", workers = "2", runs = "5"]) {
  const { startEmbedded, EPHEMERAL } = await import(`${DIST}/bootstrap/embedded.js`);
  const server = await startEmbedded({ env: process.env, port: -1, data: EPHEMERAL });
  const ceiling = await startCeiling({ url: server.url, workers: Number(workers) });
  for (let run = 0; run <= Number(runs); run++) {
    const ms = await ceiling.run(Number(tasks));
    if (run > 0)
      console.log(
        `${tasks} tasks in ${ms.toFixed(0)} ms: ${Math.round((Number(tasks) / ms) * 1000)} tasks/s`,
      );
  }
  await ceiling.stop();
  await server.stop();
}

if (process.argv[2] === "--role") {
  const nc = await connect({ servers: process.argv[4], noAsyncTraces: true });
  roles[process.argv[3]](nc);
  await nc.flush();
  process.send("ready");
} else if (process.argv[1] === FILE) {
  await main(process.argv.slice(2));
}
