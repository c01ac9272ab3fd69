/** `histogram`: how many numbers fall into each of equal bins. */
import { InvalidOption } from "../../errors.ts";
import { isCount, isRecord, mustHold, numberOf, readState } from "./outputs.ts";
import type { Reducer } from "./reducer.ts";

export interface HistogramParams {
  readonly from: number;
  readonly to: number;
  readonly bins: number;
}

export interface HistogramState {
  readonly counts: number[];
  below: number;
  above: number;
}

/**
 * Counts numbers in `bins` equal bins over [from, to]. A number on an edge belongs to the bin above it; `to` itself to the last.
 *
 * @throws InvalidOption when from is not below to, or the bins are narrower than doubles are apart.
 */
export function histogram(params: HistogramParams): Reducer<HistogramState> {
  const edges = edgesOf(params);
  return {
    name: "histogram",
    ordered: false,
    init: () => ({ counts: new Array<number>(params.bins).fill(0), below: 0, above: 0 }),
    step: (state, output) => tally(state, edges, numberOf("histogram", output)),
    combine,
    finish: ({ counts, below, above }) => ({ edges: [...edges], counts: [...counts], below, above }),
    encode: ({ counts, below, above }) => JSON.stringify({ below, above, counts }),
    decode: (text) => readState("histogram", text, (value) => fromJson(value, params.bins)),
  };
}

function edgesOf({ from, to, bins }: HistogramParams): number[] {
  if (!(from < to)) throw new InvalidOption("reduce.from", `it must be below "to" (${to}), but is ${from}.`);
  const width = to - from;
  if (!Number.isFinite(width)) throw new InvalidOption("reduce.to", `${from} to ${to} is too wide.`);
  const edges = Array.from({ length: bins }, (_, bin) => from + width * (bin / bins));
  edges.push(to);
  if (edges.some((edge, at) => at > 0 && edge <= (edges[at - 1] ?? edge))) {
    throw new InvalidOption(
      "reduce.bins",
      `${bins} bins between ${from} and ${to} are narrower than doubles are apart.`,
    );
  }
  return edges;
}

function tally(state: HistogramState, edges: readonly number[], value: number): HistogramState {
  const last = state.counts.length;
  if (value < at(edges, 0)) state.below++;
  else if (value > at(edges, last)) state.above++;
  else add(state.counts, binOf(edges, value), 1);
  return state;
}

/** The edges decide; the division only says where to look first, as it may be off by a rounding. */
function binOf(edges: readonly number[], value: number): number {
  const bins = edges.length - 1;
  const from = at(edges, 0);
  let bin = Math.min(bins - 1, Math.floor(((value - from) / (at(edges, bins) - from)) * bins));
  while (value < at(edges, bin)) bin--;
  while (bin < bins - 1 && value >= at(edges, bin + 1)) bin++;
  return bin;
}

function at(edges: readonly number[], index: number): number {
  return edges[index] ?? Number.NaN;
}

function add(counts: number[], bin: number, count: number): void {
  counts[bin] = (counts[bin] ?? 0) + count;
}

function combine(a: HistogramState, b: HistogramState): HistogramState {
  for (const [bin, count] of b.counts.entries()) add(a.counts, bin, count);
  a.below += b.below;
  a.above += b.above;
  return a;
}

function fromJson(value: unknown, bins: number): HistogramState {
  mustHold(isRecord(value), "it is an object");
  const { counts, below, above } = value;
  mustHold(isCount(below) && isCount(above), "below and above are counts");
  mustHold(
    Array.isArray(counts) && counts.length === bins && counts.every(isCount),
    `it holds ${bins} counts`,
  );
  return { counts, below, above };
}
