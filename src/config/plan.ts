import type { ConfigChange } from './diff.ts';
import { diffConfigs } from './diff.ts';
import type { Config } from './types.ts';

/** What a reload comes to: the configuration to put in force, or one line why it cannot be. */
export type ReloadPlan =
  | { readonly config: Config; readonly changes: readonly ConfigChange[] }
  | { readonly refused: string };

/**
 * Joins a running configuration with a newly loaded one. `listen`, `admin`, `server`, `log`, `memory` and `redis` are built
 * into listeners, connections, the logger and the stores that counters live in: they stay as they are until the process
 * starts anew, and the changes say so. Everything else (trusted proxies, headers, shutdown timeout, upstreams, routes,
 * limits) takes effect at once. Changes are told against what was loaded last, so that what waits for a restart is told once. Refused is a limit shared through Redis where the process has no Redis: it could not count.
 */
export function planReload(running: Config, loaded: Config, lastLoaded: Config = running): ReloadPlan {
  if (running.redis === undefined) {
    for (const limit of loaded.limits.values()) {
      if (limit.sharing !== 'redis') continue;
      return { refused: `limit ${limit.name} is shared through Redis, which this process started without: restart it` };
    }
  }
  const { listen, admin, server, log, memory, redis } = running;
  return { config: { ...loaded, listen, admin, server, log, memory, redis }, changes: diffConfigs(lastLoaded, loaded) };
}
