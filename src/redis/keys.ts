/**
 * Key layout in Redis: `<prefix>:<kind>:<rest>`. One prefix per team, so that an ACL pattern `~<prefix>:*` fences a team
 * in. Counters have no hash tags: in a cluster those of one limit spread over all slots. What one script reads together
 * and is small, the instances, the resets and the busiest keys, shares a tag.
 */
export interface KeyLayout {
  /** Matches every key of the layout, as ACL rules write it after `~`. */
  readonly pattern: string;
  /** A counter, by its identity. */
  counter(identity: string): string;
  /** Sorted set of live instances by the end of their lease. */
  readonly instances: string;
  /** Sorted set of hosts that share counts among themselves, by the end of their lease. */
  readonly peers: string;
  /** Number that grows with each operator's reset, so that instances drop what they remember of denials. */
  readonly resets: string;
  /** Sorted set of the limits whose busiest keys somebody asks for, by the end of the asking. */
  readonly topWanted: string;
  /** The busiest keys of a limit, as one instance has counted them. */
  top(limit: string, instance: string): string;
  /** Written to find out whether counting works; different numbers fall into different slots. */
  probe(n: number): string;
}

export function keyLayout(prefix: string): KeyLayout {
  const counters = `${prefix}:c:`;
  return {
    pattern: `${prefix}:*`,
    counter: (identity) => counters + identity,
    instances: `${prefix}:{fleet}:instances`,
    peers: `${prefix}:{fleet}:peers`,
    resets: `${prefix}:{fleet}:resets`,
    topWanted: `${prefix}:{fleet}:top-wanted`,
    top: (limit, instance) => `${prefix}:{fleet}:top:${instance}:${limit}`,
    probe: (n) => `${prefix}:probe:${n}`,
  };
}
