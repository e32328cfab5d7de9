import type { Config } from '../config/types.ts';
import { systemClock } from '../core/clock.ts';
import { silentLogger } from '../core/logger.ts';
import { systemRandom } from '../core/random.ts';
import { silentTelemetry } from '../core/telemetry.ts';
import { createLimiter } from '../limiter/create.ts';
import type { Explanation } from '../limiter/explanation.ts';
import { DetachedRequests } from '../proxy/detached-requests.ts';
import type { ExplainedRequest } from '../proxy/explained-request.ts';
import { detachedRequest } from '../proxy/explained-request.ts';
import { LocalStrategy } from '../sharing/local.ts';

/**
 * Route, limits and keys of one request under a configuration that is not running. Asks no store.
 * @throws SluiceError SLUICE_USAGE when the gateway would answer 400
 */
export function explainOffline(config: Config, request: ExplainedRequest): Explanation {
  // Never asked: explaining looks at no counter.
  const nobody = new LocalStrategy({ clock: systemClock, maxKeys: 1, telemetry: silentTelemetry });
  const limiter = createLimiter({
    clock: systemClock,
    random: systemRandom,
    telemetry: silentTelemetry,
    logger: silentLogger,
    strategies: new Map([
      ['local', nobody],
      ['redis', nobody],
    ]),
    fallback: nobody,
    liveInstances: () => 1,
    instance: 'explain',
    headers: config.headers,
  });
  const limits = limiter.compile(config.limits.values());
  const routes = config.routes.map((route) => ({ ...route, limits: limits.set(route.limits) }));
  return new DetachedRequests(routes, config.trustedProxies).explain(detachedRequest(request));
}
