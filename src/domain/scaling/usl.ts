/**
 * The Universal Scalability Law: X(N) = λN / (1 + σ(N−1) + κN(N−1)).
 *
 * λ is the rate of one processor, σ the share that must queue (contention), κ the cost of each pair that must agree
 * (coherency). With κ > 0 there is a number of processors beyond which more of them make it slower.
 */

export interface RatePoint {
  /** Slots, or nodes. */
  readonly n: number;
  /** Items per second. */
  readonly rate: number;
}

export interface UslFit {
  readonly lambda: number;
  readonly sigma: number;
  readonly kappa: number;
  /** Where the rate is highest; undefined where more always helps. */
  readonly peak: RatePoint | undefined;
}

export function uslRate({ lambda, sigma, kappa }: Omit<UslFit, "peak">, n: number): number {
  return (lambda * n) / (1 + sigma * (n - 1) + kappa * n * (n - 1));
}

/**
 * The law nearest to the points, by relative error; undefined for fewer than three different `n`.
 *
 * N/X = (1 + σ(N−1) + κN(N−1)) / λ is linear in its three coefficients. Where noise would make one of them negative, it is
 * left out: a negative cost means nothing.
 */
export function fitUsl(points: readonly RatePoint[]): UslFit | undefined {
  if (new Set(points.map(({ n }) => n)).size < 3) return undefined;
  const fits = COLUMNS.map((columns) => leastSquares(points, columns)).filter((fit) => fit !== undefined);
  const sound = fits.filter(({ coefficients }) => coefficients.every((value) => value >= 0));
  const [best] = sound.sort((a, b) => a.error - b.error);
  return best === undefined ? undefined : fitOf(best.coefficients);
}

type Coefficients = readonly [base: number, contention: number, coherency: number];
type Column = 0 | 1 | 2;

/** Which coefficients may be other than 0. */
const COLUMNS: readonly (readonly Column[])[] = [[0, 1, 2], [0, 1], [0, 2], [0]];

function fitOf([base, contention, coherency]: Coefficients): UslFit | undefined {
  if (base === 0) return undefined;
  const law = { lambda: 1 / base, sigma: contention / base, kappa: coherency / base };
  return { ...law, peak: peakOf(law) };
}

function peakOf(law: Omit<UslFit, "peak">): RatePoint | undefined {
  if (law.kappa === 0) return undefined;
  const n = Math.max(1, Math.sqrt(Math.max(0, 1 - law.sigma) / law.kappa));
  return { n, rate: uslRate(law, n) };
}

interface Solution {
  coefficients: Coefficients;
  error: number;
}

function leastSquares(points: readonly RatePoint[], columns: readonly Column[]): Solution | undefined {
  // Divided by the left side, so that each point counts by its relative error: N/X of many slots is not smaller news.
  const rows = points.map(({ n, rate }) => [1, n - 1, n * (n - 1)].map((value) => (value * rate) / n));
  const solved = solve(normal(rows, columns));
  if (solved === undefined) return undefined;
  const at = (column: Column) => solved[columns.indexOf(column)] ?? 0;
  const coefficients = [at(0), at(1), at(2)] as const;
  const error = rows.reduce((sum, row) => sum + (dot(row, coefficients) - 1) ** 2, 0);
  return { coefficients, error };
}

/** The normal equations AᵀA·x = Aᵀ1 of the columns, as rows with the right side last. */
function normal(rows: readonly (readonly number[])[], columns: readonly Column[]): number[][] {
  const sum = (value: (row: readonly number[]) => number) => rows.reduce((all, row) => all + value(row), 0);
  return columns.map((i) => [
    ...columns.map((j) => sum((row) => (row[i] ?? 0) * (row[j] ?? 0))),
    sum((row) => row[i] ?? 0),
  ]);
}

function dot(row: readonly number[], coefficients: readonly number[]): number {
  return row.reduce((sum, value, i) => sum + value * (coefficients[i] ?? 0), 0);
}

/** Gauss elimination with pivots; undefined where the equations do not decide. */
function solve(equations: number[][]): number[] | undefined {
  const size = equations.length;
  for (let i = 0; i < size; i++) {
    const pivot = pivotRow(equations, i);
    const [row, top] = [equations[pivot] ?? [], equations[i] ?? []];
    if (!(Math.abs(row[i] ?? 0) > 1e-12)) return undefined;
    equations[i] = row;
    equations[pivot] = i === pivot ? row : top;
    for (let k = 0; k < size; k++) if (k !== i) eliminate(equations[k] ?? [], row, i);
  }
  return equations.map((row, i) => (row[size] ?? 0) / (row[i] ?? 1));
}

function pivotRow(equations: readonly number[][], column: number): number {
  let best = column;
  for (let k = column + 1; k < equations.length; k++) {
    if (Math.abs(equations[k]?.[column] ?? 0) > Math.abs(equations[best]?.[column] ?? 0)) best = k;
  }
  return best;
}

function eliminate(row: number[], by: readonly number[], column: number): void {
  const factor = (row[column] ?? 0) / (by[column] ?? 1);
  for (let j = column; j < row.length; j++) row[j] = (row[j] ?? 0) - factor * (by[j] ?? 0);
}
