/** The redis strategy over a primary that sentinels watch. */

import { strategyConformance } from '../conformance/strategy.ts';
import { gatewayOn, sentinelAddress } from '../integration/redis-gateways.ts';
import { startRedisSentinel } from '../support/redis-sentinel.ts';

strategyConformance('redis behind sentinels', async () => {
  const sentinel = await startRedisSentinel();
  const { strategy, connection } = await gatewayOn(sentinelAddress(sentinel), { timeoutMs: 5_000 });
  return {
    strategy,
    close: async () => {
      connection.close();
      await sentinel.stop();
    },
  };
});
