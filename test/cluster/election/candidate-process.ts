/** One host as a process of its own, to be killed: says on standard output when it leads, and when no more. */
import { argv, stdout } from 'node:process';
import { EtcdLeadership } from '../../../src/cluster/election/etcd-leadership.ts';
import { EtcdClient } from '../../../src/cluster/etcd/client.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { systemRandom } from '../../../src/core/random.ts';
import { accessTo, TTL_MS } from './hosts.ts';

const [, , endpoint = '', name = ''] = argv;
const client = new EtcdClient({ access: accessTo(endpoint), clock: systemClock, timeoutMs: 400 });
const leadership = new EtcdLeadership({
  client,
  prefix: 'sluice',
  self: { address: name, incarnation: systemClock.now() },
  slots: 1,
  ttlMs: TTL_MS,
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
});
leadership.onChange(() => stdout.write(`${leadership.leading(0) ?? 'no'}\n`));
await leadership.start();
// Only its timers and its connection would keep it alive, and those do not.
setInterval(() => {}, 60_000);
