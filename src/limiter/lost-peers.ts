import type { Telemetry } from '../core/telemetry.ts';
import type { DecisionTrace } from '../core/tracing.ts';
import type { Ask } from './ask.ts';

/** What is still to be asked, and whether the request is refused already. */
interface Applied {
  readonly asks: readonly Ask[];
  readonly refused: boolean;
}

/**
 * Applies each limit's failure policy while hosts that may be admitting requests cannot be seen: `local` asks for this side's
 * share of the limit, `allow` goes by what is known, `deny` refuses.
 * @param share the part of the hosts that is visible, below 1
 */
export function despiteLostPeers(
  asks: readonly Ask[],
  share: number,
  telemetry: Telemetry,
  trace?: DecisionTrace,
): Applied {
  const left: Ask[] = [];
  let refused = false;
  for (const ask of asks) {
    const { name, onFailure, shadow } = ask.limit;
    telemetry.fallback(name, onFailure);
    trace?.fellBack(name, onFailure);
    if (onFailure === 'deny') {
      ask.standing = 'unavailable';
      if (!shadow) refused = true;
      continue;
    }
    if (onFailure === 'local') ask.checks = ask.checks.map((check) => ({ ...check, share }));
    left.push(ask);
  }
  return { asks: left, refused };
}
