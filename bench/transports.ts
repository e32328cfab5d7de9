/**
 * UDP and TCP between hosts: what arrives, how late, bytes and CPU, on loopback and with 0.5, 5 and 20 % of the packets lost. As root, with `ip`
 * and `nft`, in a network namespace of its own. Run: `npx node bench/transports.ts`.
 *
 * Two hosts in one process, 400 bytes each 10 ms, real sockets and signatures. A packet that UDP loses stays lost; the counts in it come
 * with the next message, one interval later. TCP sends it again, and all that was said since waits for it.
 */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Messenger } from '../src/cluster/messenger.ts';
import { TcpTransport } from '../src/cluster/transport/tcp.ts';
import type { Transport } from '../src/cluster/transport/transport.ts';
import { UdpTransport } from '../src/cluster/transport/udp.ts';
import { systemClock } from '../src/core/clock.ts';
import { silentLogger } from '../src/core/logger.ts';
import { systemRandom } from '../src/core/random.ts';
import { silentTelemetry } from '../src/core/telemetry.ts';

const COUNT = 1_000;
const EVERY_MS = 10;
const BYTES = 400;
const LOSSES = [0, 0.5, 5, 20];

async function messenger(transport: Transport) {
  const address = `127.0.0.1:${await transport.start()}`;
  let sent = 0;
  return {
    address,
    transport,
    sentBytes: () => sent,
    messenger: new Messenger({
      self: { address, incarnation: systemClock.now() },
      secret: 'a secret of enough characters',
      transport,
      clock: systemClock,
      telemetry: {
        ...silentTelemetry,
        peerMessage: (_traffic, direction, bytes) => {
          if (direction === 'sent') sent += bytes;
        },
      },
      logger: silentLogger,
    }),
  };
}

async function run(name: string, make: () => Transport): Promise<void> {
  const [a, b] = [await messenger(make()), await messenger(make())];
  const late: number[] = [];
  b.messenger.channel('mesh').receive({
    message: (_from, payload) => {
      late.push(performance.now() - new DataView(payload.buffer, payload.byteOffset).getFloat64(0));
    },
    question: () => new Uint8Array(),
  });
  const channel = a.messenger.channel('mesh');
  // The connection, if there is one, is made before.
  channel.send(b.address, new Uint8Array(BYTES));
  await sleep(300);
  late.length = 0;
  const before = { bytes: a.sentBytes(), cpu: process.cpuUsage() };
  for (let i = 0; i < COUNT; i++) {
    const payload = new Uint8Array(BYTES);
    new DataView(payload.buffer).setFloat64(0, performance.now());
    channel.send(b.address, payload);
    await sleep(EVERY_MS);
  }
  await sleep(2_000);
  const { user, system } = process.cpuUsage(before.cpu);
  late.sort((x, y) => x - y);
  const ms = (part: number): string => `${(late[Math.floor(part * (late.length - 1))] ?? Number.NaN).toFixed(2)} ms`;
  process.stdout.write(
    `  ${name}  arrived ${((100 * late.length) / COUNT).toFixed(1)} %  half within ${ms(0.5)}  99 of 100 within ${ms(0.99)}  the last ${ms(1)}  ` +
      `${((a.sentBytes() - before.bytes) / COUNT).toFixed(0)} bytes  ${((user + system) / COUNT).toFixed(0)} µs of CPU a message\n`,
  );
  await Promise.all([a.transport.stop(), b.transport.stop()]);
}

async function both(): Promise<void> {
  const options = {
    listen: { host: '127.0.0.1', port: 0 },
    clock: systemClock,
    random: systemRandom,
    telemetry: silentTelemetry,
  };
  await run('udp', () => new UdpTransport(options));
  await run('tcp', () => new TcpTransport(options));
}

/** In a namespace whose loopback loses packets. */
function withLoss(percent: number): void {
  const netns = `sluice-bench-${process.pid}`;
  const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const inside = (...args: string[]): void => ip('netns', 'exec', netns, ...args);
  ip('netns', 'add', netns);
  try {
    inside('ip', 'link', 'set', 'lo', 'up');
    inside('nft', 'add table inet loss');
    inside('nft', 'add chain inet loss input { type filter hook input priority 0; }');
    inside('nft', `add rule inet loss input numgen random mod 1000 < ${10 * percent} drop`);
    inside(process.execPath, fileURLToPath(import.meta.url), 'here');
  } finally {
    ip('netns', 'delete', netns);
  }
}

if (process.argv[2] === 'here') await both();
else {
  for (const percent of LOSSES) {
    process.stdout.write(`${percent} % of the packets lost\n`);
    if (percent === 0) await both();
    else if (process.getuid?.() === 0) withLoss(percent);
    else process.stdout.write('  only as root\n');
  }
}
