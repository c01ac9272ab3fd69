/** A worker of the naive server: `node worker.mjs PORT` asks for tasks until there are none, and says what it begins and ends. */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const socket = connect(Number(process.argv[2]), "127.0.0.1");
socket.setEncoding("utf8").write("next\n");

for await (const task of socket) {
  const n = Number(task);
  console.log(`begins ${n}`);
  await sleep(200);
  console.log(`${n} squared is ${n * n}`);
  socket.write("next\n");
}
