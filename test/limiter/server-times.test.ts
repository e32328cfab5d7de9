import assert from 'node:assert/strict';
import { it } from 'node:test';
import { silentLogger } from '../../src/core/logger.ts';
import { seededRandom } from '../../src/core/random.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import type { SharingName } from '../../src/core/types.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { createLimiter } from '../../src/limiter/create.ts';
import { LocalStrategy } from '../../src/sharing/local.ts';
import type { GroupVerdict, Strategy, Verdict } from '../../src/sharing/strategy.ts';
import { facts, limit } from './setup.ts';

it('gives back each check at the time of the server that charged it', async () => {
  const clock = new VirtualClock();
  const local = new LocalStrategy({ clock, maxKeys: 10, telemetry: silentTelemetry });
  const yes: Verdict = { allowed: true, remaining: 1, retryAfterMs: 0, resetMs: 1 };
  const no: Verdict = { allowed: false, remaining: 0, retryAfterMs: 1, resetMs: 1 };
  const refunded: GroupVerdict[] = [];
  // Two servers, the second an hour ahead; the second rate has room, the first has not.
  const cluster: Strategy = {
    sharing: 'redis',
    start: async () => {},
    close: async () => {},
    check: async () => ({ allowed: true, verdicts: [no, yes], at: 1_000, ats: [1_000, 3_601_000] }),
    refund: (_group, verdict) => void refunded.push(verdict),
    release: () => {},
    peek: async () => ({ remaining: 0, resetMs: 0, present: false }),
    reset: async () => false,
  };
  const limiter = createLimiter({
    clock,
    random: seededRandom(1),
    telemetry: silentTelemetry,
    logger: silentLogger,
    strategies: new Map<SharingName, Strategy>([
      ['local', local],
      ['redis', cluster],
    ]),
    fallback: local,
    liveInstances: () => 1,
    instance: 'test',
    headers: 'draft',
  });
  const rates = [
    { count: 1, windowMs: 1_000 },
    { count: 5, windowMs: 60_000 },
  ];
  const set = limiter.compile([limit({ sharing: 'redis', mode: 'shadow', rates })]).set(['per-client']);
  await set.decide(facts());
  assert.deepEqual(refunded, [{ allowed: true, verdicts: [yes], at: 1_000, ats: [3_601_000] }]);
});
