/**
 * Whether one of several rates can never refuse anything, because another one always refuses first. Only what is
 * certain for every history of requests counts; what depends on estimates is bounded from above.
 */
import type { AlgorithmName, Rate } from '../core/types.ts';

/**
 * Whether what `strict` admits never makes `loose` refuse (all rates of a limit are charged together or not at all).
 *
 * - fixed-window: both align to Unix time. A window of `loose` touches w(loose)/w(strict) windows of `strict` when the
 *   one divides the other, else at most one more than that rounded up.
 * - token-bucket: both start full and drain alike; `loose` never holds less than `strict` when it is no smaller and refills
 *   no slower.
 * - sliding-window: time falls into tiles of `strict`'s window, each admitting at most its count, so any span of length L
 *   admits at most count × (⌈L/tile⌉ + 1). `loose` estimates (1 − f) × oldest bucket + the others, f the elapsed part of the
 *   current one: at most count × (w(loose)/tile + 4), summing that bound over the two parts, and at most the count in its
 *   whole span, which is no longer than two windows.
 */
export function neverRefuses(loose: Rate, strict: Rate, algorithm: AlgorithmName, buckets: number): boolean {
  switch (algorithm) {
    case 'fixed-window':
      return strict.count * windowsTouched(loose.windowMs, strict.windowMs) <= loose.count;
    case 'token-bucket':
      return (
        loose.count >= strict.count &&
        BigInt(loose.count) * BigInt(strict.windowMs) >= BigInt(strict.count) * BigInt(loose.windowMs)
      );
    case 'sliding-window': {
      // A window that its buckets do not divide may be covered by tiles a little shorter, or longer.
      const tile = Math.floor(strict.windowMs / (buckets - 1)) * (buckets - 1);
      const span = Math.ceil(loose.windowMs / (buckets - 1)) * (buckets - 1);
      const factor = Math.min(span / tile + 4, Math.ceil((2 * span) / tile) + 1);
      return tile > 0 && strict.count * factor <= loose.count;
    }
    case 'concurrency':
      return false;
  }
}

function windowsTouched(span: number, windowMs: number): number {
  if (span % windowMs === 0) return span / windowMs;
  if (windowMs % span === 0) return 1;
  return Math.ceil(span / windowMs) + 1;
}
