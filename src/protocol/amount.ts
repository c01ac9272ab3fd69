/** Numbers in headers. */

/** The number in a header of ours; 0 where it is anything else, as a wrong sum is better than none. */
export function amountOf(header: string | undefined): number {
  const amount = Number(header ?? 0);
  return Number.isFinite(amount) && amount > 0 ? amount : 0;
}
