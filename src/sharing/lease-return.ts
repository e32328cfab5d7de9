import type { Telemetry } from '../core/telemetry.ts';
import type { Lease } from './lease.ts';
import { forUnits } from './lease.ts';
import type { Check, Strategy } from './strategy.ts';

/** Where units go back to. */
export interface Origin {
  readonly inner: Strategy;
  readonly telemetry: Telemetry;
}

/** Gives unused units back to the sub-window that they were charged to. */
export function giveBack({ inner, telemetry }: Origin, lease: Lease, check: Check, units: number, now: number): void {
  if (units === 0) return;
  // A fixed window forgets its units with its end; a sliding one still weighs them.
  if (check.policy.algorithm === 'fixed-window' && now >= lease.subWindowEnd) {
    telemetry.leaseUnits(check.limit, 'expired', units);
    return;
  }
  telemetry.leaseUnits(check.limit, 'returned', units);
  const verdicts = [{ allowed: true, remaining: 0, retryAfterMs: 0, resetMs: 0 }];
  inner.refund([forUnits(check, units)], { allowed: true, verdicts, at: lease.at });
}
