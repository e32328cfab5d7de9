import { isLoopback } from './addresses.ts';
import type { ConfigChange } from './diff.ts';
import { diffConfigs } from './diff.ts';
import type { Config } from './types.ts';

/** What a reload comes to: the configuration to put in force, or one line why it cannot be. */
export type ReloadPlan =
  | { readonly config: Config; readonly changes: readonly ConfigChange[] }
  | { readonly refused: string };

/**
 * Joins a running configuration with a newly loaded one. `listen`, `admin.listen`, `server`, `memory` and `redis` are built into
 * sockets, connections and stores that counters live in, so they stay as they are until the process starts anew; the
 * changes say so. Everything else takes effect at once. Refused is what would be wrong with the old half under the new one.
 */
export function planReload(running: Config, loaded: Config): ReloadPlan {
  if (running.redis === undefined) {
    for (const limit of loaded.limits.values()) {
      if (limit.sharing !== 'redis') continue;
      return { refused: `limit ${limit.name} is shared through Redis, which this process started without; restart it` };
    }
  }
  if (loaded.admin.token === undefined && !isLoopback(running.admin.listen.host)) {
    return {
      refused: 'admin.token cannot go while the admin listener is reachable from other machines; restart to move it',
    };
  }
  const config: Config = {
    ...loaded,
    listen: running.listen,
    admin: { listen: running.admin.listen, token: loaded.admin.token },
    server: running.server,
    memory: running.memory,
    redis: running.redis,
  };
  return { config, changes: diffConfigs(running, loaded) };
}
