import type { Fault } from './faults.ts';
import { FAULTS } from './faults.ts';
import type { UpstreamFailure } from './upstream/client.ts';

/** RFC 9110, 9.2.2: sent twice, they leave the same as sent once. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY']);

function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/** Whether a failure says something about the server: a kept connection that it closed for idleness does not. */
export function countsAgainstServer(failure: UpstreamFailure): boolean {
  return failure.kind !== 'overloaded' && !(failure.kind === 'lost' && failure.reused);
}

/**
 * Whether a request that failed before any byte of the response may go out again.
 *
 * - Nothing was sent (no connection): to another server, whatever the method.
 * - The connection was lost: only an idempotent method. On a kept connection that is the keep-alive race, which costs
 *   one attempt on a fresh connection beyond the configured number.
 *
 * A body must still be complete here (`replayable`). A bad answer or a time limit is never retried: the server works on it.
 */
export function mayRetry(
  failure: UpstreamFailure,
  method: string,
  replayable: boolean,
  retriesLeft: number,
  racedBefore: boolean,
): boolean {
  if (!replayable) return false;
  if (failure.kind === 'connect') return retriesLeft > 0;
  if (failure.kind !== 'lost' || !isIdempotent(method)) return false;
  return retriesLeft > 0 || (failure.reused && !racedBefore);
}

export function faultOf(failure: UpstreamFailure): Fault {
  switch (failure.kind) {
    case 'connect':
      return FAULTS.unreachable;
    case 'lost':
      return FAULTS.lost;
    case 'protocol':
      return FAULTS.protocol;
    case 'overloaded':
      return FAULTS.overloaded;
  }
}
