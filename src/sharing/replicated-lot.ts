/** This host's place among all that are known, by address: 0 to `hosts` − 1. */
export interface Place {
  readonly rank: number;
  readonly hosts: number;
}

/**
 * Whether a host draws one unit of `counter` that several hosts have a part of each. Time is cut into rounds of two
 * horizons: whoever draws a unit may take it in the first half only, and in the second the news travel, so that two rounds
 * never give out the same unit.
 *
 * In each round all hosts see the same random point of a circle that they stand on at even distances, and a host wins
 * when it stands within the arc of its `chance` after the point. So when N hosts have equal chances R / N, R of them
 * win, not only on average, as with systematic sampling (W. G. and L. H. Madow, On the Theory of Systematic Sampling, 1944);
 * when only some of the hosts ask, or with unequal chances, R of them on average.
 */
export function drawsLot(counter: string, now: number, horizonMs: number, chance: number, place: Place): boolean {
  const half = Math.floor(now / horizonMs);
  if (half % 2 !== 0) return false;
  const point = hash(counter, half) / 4_294_967_296;
  const distance = place.rank / place.hosts - point;
  return (distance < 0 ? distance + 1 : distance) < chance;
}

/** Milliseconds until the next half of a round: it is no use to ask again before. At most one horizon, at least 1. */
export function untilNextLot(now: number, horizonMs: number): number {
  return Math.max(1, Math.min(Math.ceil(horizonMs), Math.ceil((Math.floor(now / horizonMs) + 1) * horizonMs - now)));
}

/** FNV-1a over the text, then mixed with the number (the finaliser of MurmurHash3, A. Appleby). Whole, below 2^32. */
export function hash(text: string, number: number): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h ^= Math.imul(number | 0, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
