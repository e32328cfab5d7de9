import { isReplicated } from '../core/sharings.ts';
import type { SharingName } from '../core/types.ts';
import type { Strategy } from '../sharing/strategy.ts';
import type { CompiledLimit } from './compile.ts';

/** Limits of one sharing are asked together: one stage of a request's decision. */
export interface Stage {
  readonly sharing: SharingName;
  readonly strategy: Strategy;
  /** Asking is a trip, so known denials are worth remembering. */
  readonly remote: boolean;
  /** Nothing comes after it, so nothing can ask for its charges back. */
  readonly last: boolean;
}

/** Sharings that decide in memory come first, for a refusal there saves the trip. */
const isInMemory = (sharing: SharingName): boolean => sharing === 'local' || isReplicated(sharing);

/** The stages of a route, in the order to ask them. */
export function stagesOf(
  limits: readonly CompiledLimit[],
  strategyOf: (sharing: SharingName) => Strategy,
): readonly Stage[] {
  const sharings = [...new Set(limits.map((limit) => limit.sharing))];
  const inMemory = sharings.filter(isInMemory);
  const remote = sharings.filter((sharing) => !isInMemory(sharing));
  return [...inMemory, ...remote].map((sharing, i) => ({
    sharing,
    strategy: strategyOf(sharing),
    remote: !isInMemory(sharing),
    last: i === sharings.length - 1,
  }));
}
