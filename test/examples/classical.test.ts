/** The classical pair, with workers that are really killed. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { squaresOfPool, squaresPlainly, squaresWhileOneDies } from "../../examples/classical/main.ts";
import { runNaively } from "../../examples/classical/naive/run.ts";
import { square } from "../../examples/classical/tasks.ts";
import { Fleet } from "../../examples/fleet.ts";

let fleet: Fleet;
beforeAll(async () => {
  const handlers = new URL("../../examples/classical/tasks.ts", import.meta.url);
  fleet = await Fleet.start({ handlers, workers: 2, lease: "1s" });
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

it("a map over five numbers is that of the plain loop, and of multiprocessing.Pool", async () => {
  const squares = await fleet.muster.map(square, [1, 2, 3, 4, 5]);
  expect(squares).toEqual(await squaresPlainly([1, 2, 3, 4, 5]));
  expect(await squaresOfPool()).toMatch(/^\[1,4,9,16,25\] in |is not on this machine/);
});

it("the naive task server loses what a killed worker had, and nothing else", async () => {
  const squares = await runNaively([1, 2, 3, 4, 5, 6]);
  expect(squares.size).toBe(5);
  for (const [n, square] of squares) expect(square).toBe(n * n);
});

it("muster loses nothing", async () => {
  expect(await squaresWhileOneDies(fleet, [1, 2, 3, 4, 5, 6])).toEqual([1, 4, 9, 16, 25, 36]);
});
