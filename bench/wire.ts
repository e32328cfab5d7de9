/** What a message between hosts costs, CPU microseconds each, side by side in one run. Run: `npx node bench/wire.ts`. */
import { createHmac, createSecretKey } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { Messenger } from '../src/cluster/messenger.ts';
import { TcpTransport } from '../src/cluster/transport/tcp.ts';
import { UdpTransport } from '../src/cluster/transport/udp.ts';
import type { CountsMessage } from '../src/cluster/wire/counts.ts';
import { decodeCounts, encodeCounts } from '../src/cluster/wire/counts-codec.ts';
import { Envelope } from '../src/cluster/wire/envelope.ts';
import { PeerKey } from '../src/cluster/wire/peer-key.ts';
import { systemClock } from '../src/core/clock.ts';
import { silentLogger } from '../src/core/logger.ts';
import { systemRandom } from '../src/core/random.ts';
import { silentTelemetry } from '../src/core/telemetry.ts';

const ROUNDS = 7;
const A = { address: '10.0.0.1:7946', incarnation: 1_700_000_000_000 };
const B = { address: '10.0.0.2:7946', incarnation: 1_700_000_000_000 };
const SECRET = 'a secret of enough characters';

interface Row {
  readonly name: string;
  /** How many messages one run is of. */
  readonly count: number;
  run(): void | Promise<void>;
}

/** Rounds are interleaved; the median of each row, and of its ratio to the first row within one round. */
async function compare(title: string, rows: readonly Row[]): Promise<void> {
  const samples = rows.map((): number[] => []);
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, row] of rows.entries()) {
      const before = process.cpuUsage();
      await row.run();
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) samples[i]?.push((user + system) / row.count);
    }
  }
  const median = (values: readonly number[]): number => [...values].sort((x, y) => x - y)[values.length >> 1] ?? 0;
  process.stdout.write(`\n| ${title} | CPU µs | of the first |\n| --- | ---: | ---: |\n`);
  for (const [i, row] of rows.entries()) {
    const own = samples[i] ?? [];
    const ratio = median(own.map((value, round) => value / (samples[0]?.[round] ?? 1)));
    process.stdout.write(`| ${row.name} | ${median(own).toFixed(2)} | ${ratio.toFixed(2)} |\n`);
  }
}

function times(name: string, count: number, once: (i: number) => void): Row {
  return {
    name,
    count,
    run() {
      for (let i = 0; i < count; i++) once(i);
    },
  };
}

function message(records: number): CountsMessage {
  return {
    kind: 'counts',
    origins: [{ ...A, ageMs: 0 }],
    records: Array.from({ length: records }, (_, i) => ({
      counter: `per-client:s100/60:192.0.2.${i}`,
      sliceMs: 60_000,
      keep: 2,
      epoch: 0,
      index: 28_333_333,
      tallies: [{ origin: 0, taken: 100 + i, returned: 0, asked: 200 + i }],
    })),
  };
}

for (const size of [100, 1_300]) {
  const body = Buffer.alloc(size + 16, 7);
  const key = new PeerKey(SECRET);
  const [keyObject, keyBytes] = [createSecretKey(Buffer.alloc(32, 1)), Buffer.alloc(32, 1)];
  await compare(`A tag of ${size} bytes`, [
    times('two one-shot hashes (ours)', 20_000, () => key.sign(body, '')),
    times('an Hmac with a key object', 20_000, () => createHmac('sha256', keyObject).update(body).digest()),
    times('an Hmac with the bytes of a key', 20_000, () => createHmac('sha256', keyBytes).update(body).digest()),
  ]);
  const [a, b] = [new Envelope(A, SECRET, systemClock), new Envelope(B, SECRET, systemClock)];
  let sealed: Buffer[] = [];
  const forged = a.seal('message', 2, body).bytes;
  forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
  await compare(`An envelope around ${size} bytes`, [
    {
      name: 'seal',
      count: 20_000,
      run() {
        sealed = Array.from({ length: 20_000 }, () => a.seal('message', 2, body).bytes);
      },
    },
    {
      name: 'open',
      count: 20_000,
      run() {
        for (const bytes of sealed) if ('refused' in b.open(bytes)) throw new Error('refused');
      },
    },
    times('refuse a forged one', 20_000, () => b.open(forged)),
  ]);
}

const full = message(50);
const [packed = new Uint8Array()] = encodeCounts(full, 1_335);
const json = JSON.stringify(full);
await compare(`50 counts, ${packed.length} bytes (JSON: ${json.length})`, [
  times('encode', 1_000, () => encodeCounts(full, 1_335)),
  times('JSON.stringify', 1_000, () => JSON.stringify(full)),
  times('decode', 1_000, () => decodeCounts(packed)),
  times('JSON.parse', 1_000, () => JSON.parse(json)),
]);

const PEERS = 50;
const listen = { host: '127.0.0.1', port: 0 };
const options = { listen, clock: systemClock, random: systemRandom, telemetry: silentTelemetry };
for (const [name, make] of [
  ['UDP', () => new UdpTransport(options)],
  ['TCP', () => new TcpTransport(options)],
] as const) {
  const started = [];
  for (let i = 0; i <= PEERS; i++) {
    const transport = make();
    const self = { address: `127.0.0.1:${await transport.start()}`, incarnation: systemClock.now() };
    const messenger = new Messenger({
      self,
      secret: SECRET,
      transport,
      clock: systemClock,
      telemetry: silentTelemetry,
      logger: silentLogger,
    });
    started.push({ self, transport, messenger });
  }
  const [from, ...to] = started;
  if (from === undefined) throw new Error('nobody is there');
  let arrived = 0;
  for (const { messenger } of to) {
    for (const traffic of ['mesh', 'leader'] as const) {
      messenger.channel(traffic).receive({ message: () => void arrived++, question: (_from, payload) => payload });
    }
  }
  const sends = (what: string, traffic: 'mesh' | 'leader'): Row => {
    const channel = from.messenger.channel(traffic);
    return {
      name: what,
      count: 20 * PEERS,
      async run() {
        arrived = 0;
        for (let i = 0; i < 20; i++) {
          const payload = Uint8Array.from(packed);
          for (const { self } of to) channel.send(self.address, payload);
          const wanted = (i + 1) * PEERS;
          for (let waited = 0; arrived < wanted && waited < 1_000; waited++) await turn();
        }
        if (arrived < 19 * PEERS) throw new Error(`only ${arrived} arrived`);
      },
    };
  };
  await compare(`A message of ${packed.length} bytes by ${name}, sent and received`, [
    sends(`sealed once for ${PEERS} peers`, 'mesh'),
    sends('sealed for each peer', 'leader'),
  ]);
  for (const { transport } of started) await transport.stop();
}
