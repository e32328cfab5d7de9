import type { Server } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { ActiveList } from './active-list.ts';
import type { ClientConnection } from './downstream/client-connection.ts';
import type { Exchange } from './exchange.ts';

const POLL_MS = 20;
/** Longest time that idle connections are kept for a request that is already on its way. */
const LONGEST_GRACE_MS = 2_000;

/**
 * Ends a server without cutting anybody off. The listening socket closes at once. Connections that are idle are kept for
 * a short grace, because a load balancer may be sending on one right now, and closing under it shows as 502 (HAProxy
 * issue 1506); every response from here on says `Connection: close`.
 *
 * @returns true when everything finished by itself, false when the rest was cut off after `timeoutMs`
 */
export function shutDown(
  server: Server,
  clock: Clock,
  connections: ReadonlySet<ClientConnection>,
  active: ActiveList<Exchange>,
  timeoutMs: number,
): Promise<boolean> {
  server.close();
  const start = clock.monotonic();
  const graceMs = Math.min(LONGEST_GRACE_MS, timeoutMs / 4);
  return new Promise((resolve) => {
    const look = (): boolean => {
      const waited = clock.monotonic() - start;
      if (waited >= graceMs) {
        for (const connection of connections) if (connection.idle) connection.socket.destroySoon();
      }
      const late = waited >= timeoutMs;
      if (connections.size > 0 && !late) return false;
      resolve(active.size === 0);
      active.each((exchange) => exchange.cutOff());
      for (const connection of connections) connection.socket.destroy();
      return true;
    };
    if (look()) return;
    const timer = clock.every(POLL_MS, () => {
      if (look()) timer.cancel();
    });
  });
}
