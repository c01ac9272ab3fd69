/** Simulations, a block an item: an item holds all that its output follows from. */
import { task } from "muster";
import type { Market } from "./market.ts";
import { type Block, type Call, callValue, losses } from "./simulate.ts";

export const price = task("price", {
  run: ({ call, block }: { call: Call; block: Block }) => callValue(call, block),
});

export const risk = task("risk", {
  run: ({ market, block }: { market: Market; block: Block }) => losses(market, block),
  reduce: "merge-counts",
});
