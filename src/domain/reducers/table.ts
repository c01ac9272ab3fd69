/** The reducers that jobs can name, with their parameters: what is checked, and what the documentation prints. */

/** A parameter of a reducer. */
export interface ParamDoc {
  readonly name: string;
  readonly type: "integer" | "number" | "text";
  /** @default no limit but that of doubles */
  readonly min?: number;
  /** @default no limit but that of doubles */
  readonly max?: number;
  /** Without one, the parameter must be given; of a text, an empty one means none. */
  readonly default?: number | string;
  readonly about: string;
}

/** One reducer, documented; `test/unit/reducers` runs the example. */
export interface ReducerDoc {
  readonly name: string;
  readonly ordered: boolean;
  /** In the order of the short form `name:first:second`. */
  readonly params: readonly ParamDoc[];
  readonly takes: string;
  readonly gives: string;
  /** Without one for the handler module's own. */
  readonly example?: {
    readonly reduce: string;
    readonly outputs: readonly unknown[];
    readonly result: unknown;
  };
}

/** All reducers. */
export const REDUCERS: readonly ReducerDoc[] = [
  {
    name: "collect",
    ordered: true,
    params: [],
    takes: "anything",
    gives: "an array of all outputs, in item order (the default)",
    example: { reduce: "collect", outputs: [2, "b", null], result: [2, "b", null] },
  },
  {
    name: "concat",
    ordered: true,
    params: [],
    takes: "arrays, or strings; not both",
    gives:
      "the arrays joined into one (flattened by one level), or the strings joined, in item order; [] for no items",
    example: { reduce: "concat", outputs: [[1, 2], [], [3]], result: [1, 2, 3] },
  },
  {
    name: "sum",
    ordered: false,
    params: [],
    takes: "finite numbers",
    gives:
      "the exact total: of integers an integer literal of any size, of others the nearest double; 0 for no items",
    example: { reduce: "sum", outputs: [0.1, 0.2, 0.3, -0.3, -0.2], result: 0.1 },
  },
  {
    name: "count",
    ordered: false,
    params: [],
    takes: "anything",
    gives: "the number of outputs",
    example: { reduce: "count", outputs: ["a", null, 3], result: 3 },
  },
  {
    name: "min",
    ordered: false,
    params: [],
    takes: "finite numbers, or strings (compared by code unit); not both",
    gives: "the least output; null for no items",
    example: { reduce: "min", outputs: [3, 1, 2], result: 1 },
  },
  {
    name: "max",
    ordered: false,
    params: [],
    takes: "finite numbers, or strings (compared by code unit); not both",
    gives: "the greatest output; null for no items",
    example: { reduce: "max", outputs: ["pear", "apple"], result: "pear" },
  },
  {
    name: "mean",
    ordered: false,
    params: [],
    takes: "finite numbers",
    gives: "the exact total divided by the count, rounded once to the nearest double; null for no items",
    example: { reduce: "mean", outputs: [1, 2, 4, 5], result: 3 },
  },
  {
    name: "merge-counts",
    ordered: false,
    params: [],
    takes: "objects of numbers",
    gives: "one object: the exact totals key by key",
    example: { reduce: "merge-counts", outputs: [{ a: 1, b: 2 }, { a: 3 }], result: { a: 4, b: 2 } },
  },
  {
    name: "top-k",
    ordered: false,
    params: [{ name: "k", type: "integer", min: 1, max: 100_000, default: 10, about: "how many to keep" }],
    takes: "finite numbers; or counts: objects of numbers, or pairs [key, number]",
    gives:
      "the k greatest numbers, the greatest first; or, of counts added key by key, the k greatest as pairs [key, total], equal ones by key",
    example: {
      reduce: "top-k:2",
      outputs: [{ a: 1, b: 2 }, ["a", 3]],
      result: [
        ["a", 4],
        ["b", 2],
      ],
    },
  },
  {
    name: "histogram",
    ordered: false,
    params: [
      { name: "from", type: "number", about: "lower edge of the first bin" },
      { name: "to", type: "number", about: "upper edge of the last bin, which belongs to it" },
      { name: "bins", type: "integer", min: 1, max: 10_000, about: "number of equal bins" },
    ],
    takes: "finite numbers",
    gives: 'how many fall into each bin, and outside: {"edges":[…],"counts":[…],"below":n,"above":n}',
    example: {
      reduce: "histogram:0:10:2",
      outputs: [-1, 0, 5, 10],
      result: { edges: [0, 5, 10], counts: [1, 2], below: 1, above: 0 },
    },
  },
  {
    name: "group-by",
    ordered: false,
    params: [
      { name: "by", type: "text", about: "the member of an output that says its group" },
      {
        name: "with",
        type: "text",
        default: "count",
        about:
          "the reducer of each group, as `sum` or `top-k:3`; none of `collect`, `concat`, `group-by`, `reduce`",
      },
      { name: "of", type: "text", default: "", about: "the member that is reduced; else the whole output" },
      {
        name: "keys",
        type: "integer",
        min: 1,
        max: 1_000_000,
        default: 100_000,
        about: "how many groups there may be; more of them fail the job",
      },
    ],
    takes: "objects; the group is a string, a number or a boolean, each taken as text",
    gives: "one object: by group, what its reducer gives",
    example: {
      reduce: "group-by:country:sum:amount",
      outputs: [
        { country: "no", amount: 1.5 },
        { country: "fi", amount: 2 },
        { country: "no", amount: 3 },
      ],
      result: { fi: 2, no: 4.5 },
    },
  },
  {
    name: "reduce",
    ordered: false,
    params: [],
    takes: "what the handler module's own reduce takes",
    gives: "what it makes of them",
  },
];
