/** Division of integers of any size, rounded once and correctly. */

/** Bits of a double's fraction, counting the leading one. */
const PRECISION = 53;
/** The exponent of the smallest double above zero, 2^-1074. */
const SMALLEST = -1074;
/** The exponent that no double reaches. */
const TOO_LARGE = 1024;

/**
 * The double nearest to `over / under` (`under` > 0), ties going to the even one; an infinity when none is near.
 *
 * Exact also where the result is subnormal: it is rounded to the bits that it will have, not to 53 and then again.
 */
export function nearestDouble(over: bigint, under: bigint): number {
  if (over === 0n) return 0;
  if (over < 0n) return -nearestDouble(-over, under);
  const magnitude = floorLog2(over, under);
  if (magnitude >= TOO_LARGE) return Number.POSITIVE_INFINITY;
  const unit = Math.max(magnitude - PRECISION + 1, SMALLEST);
  const digits =
    unit < 0 ? roundHalfEven(over << BigInt(-unit), under) : roundHalfEven(over, under << BigInt(unit));
  return Number(digits) * 2 ** unit;
}

/** The n for which 2^n ≤ over / under < 2^(n+1). */
function floorLog2(over: bigint, under: bigint): number {
  const near = bitLength(over) - bitLength(under);
  const reaches = near < 0 ? over << BigInt(-near) >= under : over >= under << BigInt(near);
  return reaches ? near : near - 1;
}

function bitLength(value: bigint): number {
  const hex = value.toString(16);
  return hex.length * 4 - (Math.clz32(Number.parseInt(hex.charAt(0), 16)) - 28);
}

function roundHalfEven(over: bigint, under: bigint): bigint {
  const floor = over / under;
  const twice = (over % under) * 2n;
  const up = twice > under || (twice === under && floor % 2n === 1n);
  return up ? floor + 1n : floor;
}
