import { systemClock } from '../../src/core/clock.ts';
import { systemRandom } from '../../src/core/random.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { strategyConformance } from '../conformance/strategy.ts';
import { CODEC, PeerNet } from '../support/peer-net.ts';
import type { Make } from './replicated-fleet.ts';
import { Elections, gossip, leader, mesh, randomLeaders } from './replicated-fleet.ts';

const elections = new Elections();
const WAYS: Readonly<Record<string, Make>> = {
  mesh,
  gossip,
  leader: leader(elections),
  'random-leaders': randomLeaders,
};

for (const [name, make] of Object.entries(WAYS)) {
  strategyConformance(
    name,
    async () => {
      const host = new PeerNet().host('only:1');
      elections.elect(0, host, 1);
      const strategy = make(
        {
          clock: systemClock,
          random: systemRandom,
          channel: host.channel,
          membership: host.membership,
          telemetry: silentTelemetry,
          codec: CODEC,
          intervalMs: 10,
          maxKeys: 10_000,
        },
        host,
      );
      return { strategy };
    },
    { concurrency: false },
  );
}
