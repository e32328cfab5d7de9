/**
 * What the lab takes: each way of sharing on 1,000 and on 10,000 hosts, a process each, one after the other.
 *
 *     npx node bench/lab.ts [--hosts 1000,10000] [--sharing redis,gossip,…] [--duration 1s]
 *
 * CPU seconds are of one run with its start and its end; divide by the seconds of requests for a rough rate.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findScenario } from '../src/commands/lab-scenario.ts';
import { parseDuration } from '../src/core/duration.ts';
import { MOST_MESH_HOSTS } from '../src/lab/experiment.ts';
import { measure } from '../src/lab/measure.ts';
import { durationOn } from '../src/lab/scenario.ts';
import type { Way } from '../src/lab/ways.ts';
import { WAYS } from '../src/lab/ways.ts';

/** One run takes more memory than Node allows itself by default. */
const MEMORY = '--max-old-space-size=12000';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1000,10000' },
    sharing: { type: 'string', default: 'redis,gossip,leader,random-leaders' },
    duration: { type: 'string' },
    one: { type: 'boolean', default: false },
  },
});

const scenario = findScenario('steady-double');
if (!('policy' in scenario)) throw new Error(scenario.join('\n'));
const steady = scenario;

/** Runs here, and says what it took. */
async function one(way: Way, hosts: number): Promise<void> {
  const durationMs = values.duration === undefined ? durationOn(steady, hosts) : parseDuration(values.duration);
  if (durationMs === undefined) throw new Error('--duration is no duration');
  const { events, messagesPerSecond } = await measure({
    scenario: { ...steady, durationMs },
    way,
    hosts,
    seed: 1,
  });
  const { user, system } = process.cpuUsage();
  const cells = [
    way.padEnd(15),
    String(hosts).padStart(6),
    `${durationMs / 1_000} s`.padStart(7),
    `${((user + system) / 1e6).toFixed(1)} s`.padStart(9),
    `${(process.resourceUsage().maxRSS / 1e6).toFixed(2)} GB`.padStart(9),
    Math.round(messagesPerSecond).toString().padStart(9),
    String(events).padStart(10),
  ];
  process.stdout.write(`${cells.join('  ')}\n`);
}

/** In a process of its own, so that neither memory nor compiled code is shared. */
function apart(way: Way, hosts: number): Promise<void> {
  const args = [MEMORY, fileURLToPath(import.meta.url), '--one', '--sharing', way, '--hosts', String(hosts)];
  if (values.duration !== undefined) args.push('--duration', values.duration);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: 'inherit' });
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${way} on ${hosts} hosts: code ${code}`))));
  });
}

if (!values.one)
  process.stdout.write('way               hosts  requests        CPU     memory      msg/s      events\n');
for (const hosts of values.hosts.split(',').map(Number)) {
  for (const name of values.sharing.split(',')) {
    const way = WAYS.find((each) => each === name);
    if (way === undefined) throw new Error(`${name} is no way of sharing`);
    if (way === 'mesh' && hosts > MOST_MESH_HOSTS) throw new Error(`a mesh of ${hosts} hosts is counted, not run`);
    await (values.one ? one(way, hosts) : apart(way, hosts));
  }
}
