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

/** Sharings that decide in memory; they come first, for a refusal there saves the trip. */
const IN_MEMORY: ReadonlySet<SharingName> = new Set(['local']);

/** The stages of a route, in the order to ask them. */
export function stagesOf(
  limits: readonly CompiledLimit[],
  strategyOf: (sharing: SharingName) => Strategy,
): readonly Stage[] {
  const sharings = [...new Set(limits.map((limit) => limit.sharing))];
  const inMemory = sharings.filter((sharing) => IN_MEMORY.has(sharing));
  const remote = sharings.filter((sharing) => !IN_MEMORY.has(sharing));
  return [...inMemory, ...remote].map((sharing, i) => ({
    sharing,
    strategy: strategyOf(sharing),
    remote: !IN_MEMORY.has(sharing),
    last: i === sharings.length - 1,
  }));
}
