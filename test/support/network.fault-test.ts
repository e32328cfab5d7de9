/** The faults that other tests believe in: packets are lost when they are said to be, and otherwise arrive. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { end, spawnOwned } from './child.ts';
import { eventually } from './eventually.ts';
import type { NetworkHost } from './network.ts';
import { noNetwork, startNetwork } from './network.ts';
import { requireServer } from './servers.ts';

const PACKETS = 1_000;

/** Prints a line when it listens, and after each datagram how many have come. */
const RECEIVER = `
const socket = require('node:dgram').createSocket({ type: 'udp4', recvBufferSize: 4_000_000 });
let count = 0;
socket.on('message', () => console.log(++count));
socket.bind(7946, () => console.log('ready'));
`;

const sender = (to: NetworkHost): string => `
const socket = require('node:dgram').createSocket('udp4');
let left = ${PACKETS};
const more = () => left-- > 0 ? socket.send('x', 7946, '${to.ip}', () => setImmediate(more)) : socket.close();
more();
`;

function inHost(host: NetworkHost, script: string): ChildProcess {
  const args = ['netns', 'exec', host.netns, process.execPath, '-e', script];
  return spawnOwned(requireServer('ip'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

it('partitions, loses packets at random, and heals', { skip: noNetwork, timeout: 60_000 }, async () => {
  using network = startNetwork(3);
  const [a, b, c] = network.hosts;
  assert.ok(a && b && c);
  const receiver = inHost(b, RECEIVER);
  const lines: string[] = [];
  receiver.stdout?.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  try {
    await eventually('it listens', () => lines.includes('ready'));
    const arrivedFrom = async (host: NetworkHost): Promise<number> => {
      const before = lines.length;
      await once(inHost(host, sender(b)), 'exit');
      // What was sent has been delivered or dropped; only the pipe may lag.
      let seen = -1;
      await eventually(
        'no more arrives',
        () => {
          const same = lines.length === seen;
          seen = lines.length;
          return same;
        },
        { every: 200 },
      );
      return lines.length - before;
    };
    assert.equal(await arrivedFrom(a), PACKETS);
    network.partition([0, 1], [2]);
    assert.deepEqual([await arrivedFrom(a), await arrivedFrom(c)], [PACKETS, 0]);
    network.lose(0.2);
    const arrived = await arrivedFrom(c);
    // Binomial: eight standard deviations of 12.6 either way.
    assert.ok(arrived > 700 && arrived < 900, `${arrived} of ${PACKETS} with a fifth lost`);
    network.heal();
    assert.equal(await arrivedFrom(c), PACKETS);
  } finally {
    await end(receiver, 'SIGKILL');
  }
});
