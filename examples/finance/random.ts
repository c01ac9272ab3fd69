/** Random numbers that a seed says: the same on every machine, in every order. */

/** sfc32 by Chris Doty-Humphrey, seeded with a seed and the number of a block, so that each block has numbers of its own. */
export function uniform(seed: number, block: number): () => number {
  let [a, b, c, counter] = [seed | 0, block | 0, 0x9e3779b9 | 0, 1];
  const next = () => {
    const sum = (((a + b) | 0) + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next(); // Until similar seeds have nothing in common.
  return next;
}

/** Of the standard normal distribution, by Box and Muller: two at a time, of which one is kept for the next call. */
export function normal(seed: number, block: number): () => number {
  const random = uniform(seed, block);
  let kept: number | undefined;
  return () => {
    const last = kept;
    kept = undefined;
    if (last !== undefined) return last;
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
