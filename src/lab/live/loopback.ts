/** How long a packet takes there and back on this machine. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Clock } from '../../core/clock.ts';

const ASKED = 200;

/** Milliseconds: the shortest round trip, and what comes on top of it on average. */
export interface RoundTrip {
  readonly leastMs: number;
  readonly moreMs: number;
}

/** Between two UDP sockets, one packet at a time. */
export async function loopbackRoundTrip(clock: Clock): Promise<RoundTrip> {
  const [near, far] = [createSocket('udp4'), createSocket('udp4')];
  try {
    for (const socket of [near, far]) {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
    far.on('message', (message, { port, address }) => far.send(message, port, address));
    const times: number[] = [];
    for (let i = 0; i < ASKED; i++) {
      const from = clock.monotonic();
      near.send('?', far.address().port, '127.0.0.1');
      await once(near, 'message');
      times.push(clock.monotonic() - from);
    }
    const leastMs = Math.min(...times);
    return { leastMs, moreMs: times.reduce((sum, ms) => sum + ms, 0) / ASKED - leastMs };
  } finally {
    near.close();
    far.close();
  }
}
