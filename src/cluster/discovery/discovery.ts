/**
 * Where other hosts may be found. An address found here is asked and joined; whether it lives is membership's to find out.
 */
export interface Discovery {
  /** `file`, `dns`, `redis`, `etcd`: for the log and for operators. */
  readonly source: string;
  /**
   * Looks for the first time and goes on looking. `found` gets all addresses now listed (`host:port`, this host's own among
   * them or not), at once and after each change. Does not reject for what may mend itself: it tries again, and says so once in the log.
   */
  start(found: (addresses: readonly string[]) => void): Promise<void>;
  /** Stops looking; a registry takes this host out. */
  stop(): Promise<void>;
}
