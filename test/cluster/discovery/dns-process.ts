/** Prints each list of hosts that is found behind a name, and each line of the log, as JSON. Runs until its input ends. */
import { DnsDiscovery } from '../../../src/cluster/discovery/dns.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';

const [name = '', port = ''] = process.argv.slice(2);
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const logger = {
  ...silentLogger,
  info: (_fields: object, message: string) => say({ log: message }),
  warn: (_fields: object, message: string) => say({ log: message }),
};
const discovery = new DnsDiscovery({ name, port: Number(port), clock: systemClock, logger, intervalMs: 20 });
await discovery.start((hosts) => say({ hosts }));
process.stdin.resume();
process.stdin.on('end', () => void discovery.stop().then(() => say({ stopped: true })));
