/**
 * The task server that everyone writes first: one thread that gives the next task to whoever asks. What became of a task it does
 * not know: it has no results, no retries, and forgets all when it ends.
 *
 * `node server.mjs 1 2 3` prints its port, then a line for each task that it gave away, and ends when it has none left.
 */
import { createServer } from "node:net";

const tasks = process.argv.slice(2);

const server = createServer((socket) => {
  socket.on("data", () => {
    const task = tasks.shift();
    if (task === undefined) socket.end();
    else socket.write(`${task}\n`);
    if (tasks.length === 0) server.close();
  });
  socket.on("error", () => {});
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") console.log(address.port);
});
