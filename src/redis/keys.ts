/**
 * Key layout in Redis: `<prefix>:<kind>:<rest>`. One prefix per team, so that an ACL pattern `~<prefix>:*` fences a team
 * in. Nothing uses hash tags: in a cluster the counters of one limit spread over all slots.
 */
export interface KeyLayout {
  /** A counter, by its identity. */
  counter(identity: string): string;
  /** Sorted set of live instances by the end of their lease. */
  readonly instances: string;
  /** Number that grows with each operator's reset, so that instances drop what they remember of denials. */
  readonly resets: string;
  /** Written to find out whether counting works. */
  readonly probe: string;
}

export function keyLayout(prefix: string): KeyLayout {
  const counters = `${prefix}:c:`;
  return {
    counter: (identity) => counters + identity,
    instances: `${prefix}:instances`,
    resets: `${prefix}:resets`,
    probe: `${prefix}:probe`,
  };
}
