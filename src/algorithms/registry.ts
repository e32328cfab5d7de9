import type { Algorithm, WindowedPolicy } from './algorithm.ts';
import type { FixedWindowState } from './fixed-window.ts';
import { fixedWindow } from './fixed-window.ts';
import type { SlidingWindowState } from './sliding-window.ts';
import { slidingWindow } from './sliding-window.ts';
import type { TokenBucketState } from './token-bucket.ts';
import { tokenBucket } from './token-bucket.ts';

/** A state goes only with policies of the algorithm that made it. */
export type WindowedState = FixedWindowState | SlidingWindowState | TokenBucketState;

export type WindowedAlgorithm = Algorithm<WindowedPolicy, WindowedState>;

/**
 * The algorithm that judges by `policy`. Hand it that policy (or one of the same algorithm and window) and only states that it
 * returned itself. One comparison of a constant: cheap enough for each request. `concurrency` has no state of this kind: see
 * concurrency.ts.
 */
export function algorithmFor(policy: WindowedPolicy): WindowedAlgorithm {
  switch (policy.algorithm) {
    case 'fixed-window':
      return fixedWindow;
    case 'sliding-window':
      return slidingWindow;
    case 'token-bucket':
      return tokenBucket;
  }
}
