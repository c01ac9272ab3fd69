/** A program that hands in jobs: start a fleet with `npm run up`, then `npm start`. */
import { connect } from "muster";
import { ratio, words } from "./tasks.ts";

await using muster = await connect();

const counts = await muster.map(words, ["to be or not to be", "that is the question"]);
console.log(counts);

const job = muster.map(
  ratio,
  [
    { part: 1, whole: 2 },
    { part: 1, whole: 0 },
  ],
  { onError: "continue" },
);
for await (const output of job.outputs()) console.log(output);
