/** The ways in which every host keeps a replica of the counts and decides on it. */
export type ReplicatedSharing = 'mesh' | 'gossip' | 'leader' | 'random-leaders';

/** How instances come to agree on a key's count. */
export type SharingName = 'local' | 'redis' | ReplicatedSharing;

export type AlgorithmName = 'sliding-window' | 'fixed-window' | 'token-bucket' | 'concurrency';

/** What decides while the shared count cannot be reached. */
export type FailurePolicy = 'allow' | 'deny' | 'local';

/** `shadow` decides, counts and reports, but never rejects. */
export type Mode = 'enforce' | 'shadow';

/** `count` units every `windowMs` milliseconds. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}
