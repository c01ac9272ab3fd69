/** muster itself, on a nats-server of its own with file storage. */
import { fileURLToPath } from "node:url";

const DIST = "../../dist";
/** Requests that are out at once. */
const AT_ONCE = 1_000;

export const name = "muster";

export async function start({ workers }) {
  const { bringUp } = await import(`${DIST}/bootstrap/up.js`);
  const { EPHEMERAL } = await import(`${DIST}/bootstrap/embedded.js`);
  const { VERSION } = await import(`${DIST}/bootstrap/version.js`);
  const { connect } = await import(`${DIST}/bootstrap/connect.js`);
  const up = await bringUp({
    entry: fileURLToPath(new URL(`${DIST}/cli/main.js`, import.meta.url)),
    env: process.env,
    cwd: process.cwd(),
    broker: { type: "embedded", port: -1, data: EPHEMERAL },
    counts: { worker: workers },
    logLevel: "error",
  });
  const muster = await connect({ server: up.url });
  const { client } = muster;

  const run = async (job, check) => {
    const begun = performance.now();
    const outcome = await client.outcome(await client.submit({ kind: "double", ...job }));
    const parts = [];
    for await (const part of client.resultBytes(outcome)) parts.push(part);
    const ms = performance.now() - begun;
    check(JSON.parse(Buffer.concat(parts).toString("utf8")));
    return ms;
  };
  const isSum = (count) => (sum) => {
    if (sum !== count * (count - 1)) throw new Error(`muster's sum is ${sum}`);
  };
  const isList = (count) => (outputs) => isSum(count)(outputs.reduce((all, value) => all + value, 0));

  /** A task an item; all outputs collected. */
  const tasks = (count) => {
    const body = JSON.stringify(Array.from({ length: count }, (_, i) => i));
    return run({ body, options: { chunk: 1 } }, isList(count));
  };
  /** Chunks that size themselves; `reduce` is `sum` or `collect`. */
  const items = (count, reduce) => {
    const body = JSON.stringify({ range: { from: 0, to: count } });
    return run({ body, options: { reduce } }, reduce === "sum" ? isSum(count) : isList(count));
  };
  /** A request with one item, to its reply. */
  const one = async (index) => {
    const begun = performance.now();
    const answer = await client.broker.request(
      { subject: "muster.run.double", data: `[${index}]` },
      { timeoutMs: 30_000 },
    );
    const text = Buffer.from(answer.data).toString("utf8");
    if (text !== `[${index * 2}]`) throw new Error(`muster answered ${text}`);
    return performance.now() - begun;
  };
  const jobs = async (count) => {
    let next = 0;
    const lane = async () => {
      while (next < count) await one(next++);
    };
    const begun = performance.now();
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    return performance.now() - begun;
  };
  const stop = async () => {
    await muster.close();
    await up.stop();
  };
  const version = `muster ${VERSION}, nats-server ${up.server.located.version}`;
  const settings = `1 dispatcher, 1 aggregator, ${workers} worker processes of 1 slot; file storage`;
  return { tasks, items, one, jobs, stop, version, settings };
}
