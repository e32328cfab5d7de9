import type { ReplicatedSharing, SharingName } from './types.ts';

/** The ways of sharing in which hosts tell each other their counts. */
export const REPLICATED_SHARINGS: readonly ReplicatedSharing[] = ['mesh', 'gossip', 'leader', 'random-leaders'];

const REPLICATED: ReadonlySet<string> = new Set(REPLICATED_SHARINGS);

export function isReplicated(sharing: SharingName): sharing is ReplicatedSharing {
  return REPLICATED.has(sharing);
}
