import { isReplicated } from '../core/sharings.ts';
import type { SharingName } from '../core/types.ts';
import type { ConfigChange } from './diff.ts';
import { diffConfigs } from './diff.ts';
import type { Config } from './types.ts';

/** What a reload comes to: the configuration to put in force, or one line why it cannot be. */
export type ReloadPlan =
  | { readonly config: Config; readonly changes: readonly ConfigChange[] }
  | { readonly refused: string };

/**
 * Joins a running configuration with a newly loaded one. `listen`, `admin`, `server`, `log`, `memory`, `redis`, `peers`, `etcd` and `tracing` are
 * built into listeners, connections, the logger and the stores that counters live in: they stay as they are until the process
 * starts anew, and the changes say so. Everything else (trusted proxies, headers, shutdown times, upstreams, routes,
 * limits) takes effect at once. Changes are told against what was loaded last, so that what waits for a restart is told once. Refused
 * is a limit whose sharing needs what this process started without: it could not count.
 */
export function planReload(running: Config, loaded: Config, lastLoaded: Config = running): ReloadPlan {
  for (const { name, sharing } of loaded.limits.values()) {
    const lacks = lacking(sharing, running);
    if (lacks === undefined) continue;
    return { refused: `limit ${name} is shared through ${lacks}, which this process started without: restart it` };
  }
  const { listen, admin, server, log, memory, redis, peers, etcd, tracing } = running;
  return {
    config: { ...loaded, listen, admin, server, log, memory, redis, peers, etcd, tracing },
    changes: diffConfigs(lastLoaded, loaded),
  };
}

function lacking(sharing: SharingName, { redis, peers, etcd }: Config): string | undefined {
  if (sharing === 'redis') return redis === undefined ? 'Redis' : undefined;
  if (!isReplicated(sharing)) return undefined;
  if (peers === undefined) return 'peers';
  return sharing === 'leader' && etcd === undefined ? 'leaders that etcd elects' : undefined;
}
