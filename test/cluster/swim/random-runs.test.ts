/** Whatever happens to hosts: some time after it is over, all that run know exactly all that run. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { seededRandom } from '../../../src/core/random.ts';
import type { VirtualHost } from './virtual-fleet.ts';
import { VirtualFleet } from './virtual-fleet.ts';

const RUNS = 120;
const [only] = [process.env['SLUICE_TEST_SEED']].filter((seed) => seed !== undefined);

async function run(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const fleet = new VirtualFleet({
    seed,
    loss: [0, 0.05, 0.3][random.below(3)] ?? 0,
    duplication: 0.05,
    latencyMs: [1, 20, 80][random.below(3)] ?? 1,
    maxPayload: [120, 1_300][random.below(2)] ?? 1_300,
    maxExchange: [600, 65_536][random.below(2)] ?? 65_536,
    forgetAfterMs: [15_000, 600_000][random.below(2)] ?? 600_000,
  });
  fleet.questionLoss = [0, 0.05][random.below(2)] ?? 0;
  const hosts = fleet.machines(2 + random.below(14));
  // Each host's list names some, and together they hang together: everybody lists one that everybody lists.
  const lists = hosts.map(() =>
    [hosts[0], ...hosts.filter(() => random.next() < 0.3)].map((host) => host?.address ?? ''),
  );
  const start = (host: VirtualHost): void => void host.start(lists[hosts.indexOf(host)] ?? []);
  for (const host of hosts) if (random.next() < 0.7) start(host);
  const log: string[] = [];
  for (let i = 0; i < 12; i++) {
    await fleet.run(random.below(15_000));
    const host = hosts[random.below(hosts.length)];
    if (host === undefined) continue;
    const event = pick(host, random.below(7));
    log.push(`${fleet.agenda.now} ${event} ${host.address}`);
    if (event === 'start') start(host);
    if (event === 'stop') host.stop();
    if (event === 'crash') host.crash();
    if (event === 'off') host.powerOff();
    if (event === 'pause') host.pause(500 + random.below(80_000));
    if (event === 'cut')
      fleet.partition(
        hosts.filter((_, at) => at % 2 === 0),
        hosts.filter((_, at) => at % 2 === 1),
      );
    if (event === 'heal') fleet.heal();
  }
  fleet.heal();
  // The first, whom everybody lists, runs in the end: without it some could not know of each other.
  const [first] = hosts;
  if (first !== undefined && first.swim === undefined) start(first);
  fleet.loss = Math.min(fleet.loss, 0.05);
  // Until the longest pause is over, and whoever was silent is dead.
  await fleet.run(80_000);
  try {
    await fleet.until('all that run know all that run', () => fleet.agrees(), 40_000);
    for (const host of hosts) assert.equal(host.malformed, 0);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    assert.fail(`SLUICE_TEST_SEED=${seed}: ${reason}\n${log.join('\n')}`);
  }
}

function pick(host: VirtualHost, chance: number): string {
  if (chance === 5) return 'cut';
  if (chance === 6) return 'heal';
  if (host.swim === undefined) return 'start';
  return ['stop', 'crash', 'off', 'pause', 'pause'][chance] ?? 'pause';
}

it(`${RUNS} random runs of joins, ends, crashes, pauses, cuts and loss`, async () => {
  const seeds = only === undefined ? Array.from({ length: RUNS }, (_, i) => 1_000 + i) : [Number(only)];
  for (const seed of seeds) await run(seed);
});
