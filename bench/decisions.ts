/**
 * What one decision costs by each way of sharing that decides in memory, beside `local` in the same run; and what it costs to
 * take in what other hosts tell.
 *
 *     node bench/decisions.ts [part of a policy's label, as printed]
 *     node --expose-gc bench/decisions.ts    also says how much memory a counter takes
 */

import type { CountsMessage } from '../src/cluster/wire/counts.ts';
import { decodeCounts, encodeCounts } from '../src/cluster/wire/counts-codec.ts';
import { systemClock } from '../src/core/clock.ts';
import { systemRandom } from '../src/core/random.ts';
import { silentTelemetry } from '../src/core/telemetry.ts';
import { GossipStrategy } from '../src/sharing/gossip.ts';
import { LeaderStrategy } from '../src/sharing/leader.ts';
import { LocalStrategy } from '../src/sharing/local.ts';
import { MeshStrategy } from '../src/sharing/mesh.ts';
import { RandomLeadersStrategy } from '../src/sharing/random-leaders.ts';
import { Replica } from '../src/sharing/replica.ts';
import type { ReplicatedOptions } from '../src/sharing/replicated-strategy.ts';
import type { Check, Strategy } from '../src/sharing/strategy.ts';
import { PeerNet } from '../test/support/peer-net.ts';

const KEYS = 2_000;
const ROUNDS = 60;
const PEERS = 16;

const POLICIES: Readonly<Record<string, Check['policy']>> = {
  'sliding window, 2 buckets': { algorithm: 'sliding-window', limit: 1_000_000, windowMs: 60_000, buckets: 2 },
  'sliding window, 60 buckets': { algorithm: 'sliding-window', limit: 1_000_000, windowMs: 60_000, buckets: 60 },
  'fixed window': { algorithm: 'fixed-window', limit: 1_000_000, windowMs: 60_000 },
  'token bucket': { algorithm: 'token-bucket', limit: 1_000_000, windowMs: 60_000, burst: 1_000_000 },
};

function options(): ReplicatedOptions {
  const host = new PeerNet().host('a:1');
  return {
    clock: systemClock,
    random: systemRandom,
    channel: host.channel,
    membership: host.membership,
    telemetry: silentTelemetry,
    codec: { encode: encodeCounts, decode: decodeCounts },
    intervalMs: 100,
    maxKeys: 1_000_000,
  };
}

const leadership = { slots: 1, leaderOf: () => undefined, leading: () => 1, onChange: () => () => {} };
const WAYS: Readonly<Record<string, () => Strategy>> = {
  local: () => new LocalStrategy({ clock: systemClock, maxKeys: 1_000_000, telemetry: silentTelemetry }),
  mesh: () => new MeshStrategy(options()),
  gossip: () => new GossipStrategy({ ...options(), fanout: 3 }),
  leader: () => new LeaderStrategy({ ...options(), leadership }),
  'random-leaders': () => new RandomLeadersStrategy({ ...options(), leaders: 2 }),
};

function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}

/** Nanoseconds of each decision; a clock reading of some 30 ns is in all of them. */
function time(strategy: Strategy, groups: readonly (readonly Check[])[], into: Float64Array): void {
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i] ?? [];
    const from = process.hrtime.bigint();
    void strategy.check(group);
    into[i] = Number(process.hrtime.bigint() - from);
  }
}

function told(counters: readonly string[], policy: Check['policy'], taken: number): CountsMessage {
  const sliceMs = policy.algorithm === 'sliding-window' && policy.buckets === 60 ? 1_017 : 60_000;
  const keep = policy.algorithm === 'sliding-window' ? policy.buckets : policy.algorithm === 'fixed-window' ? 1 : 2;
  const origins = Array.from({ length: PEERS }, (_, i) => ({ address: `peer${i}:1`, incarnation: 1, ageMs: 0 }));
  const index = Math.floor(systemClock.now() / sliceMs);
  const tallies = origins.map((_, origin) => ({ origin, taken, returned: 0, asked: taken }));
  return {
    kind: 'counts',
    origins,
    records: counters.map((counter) => ({ counter, sliceMs, keep, epoch: 0, index, tallies })),
  };
}

async function decisions(): Promise<void> {
  const wanted = process.argv[2] ?? '';
  for (const [label, policy] of Object.entries(POLICIES)) {
    if (!label.includes(wanted)) continue;
    for (const shared of [false, true]) {
      const groups = Array.from({ length: KEYS }, (_, i): Check[] => [
        { limit: 'bench', counter: `bench:k${i}`, policy, cost: 1, shadow: false, lease: false, holder: undefined },
      ]);
      const strategies = Object.entries(WAYS).map(([name, make]) => ({ name, strategy: make() }));
      const times = new Map(strategies.map(({ name }) => [name, [] as Float64Array[]]));
      for (let round = 0; round < ROUNDS; round++) {
        for (const { name, strategy } of strategies) {
          if (shared && 'learn' in strategy) {
            const message = told(
              groups.map(([check]) => check?.counter ?? ''),
              policy,
              round + 1,
            );
            (strategy as unknown as { learn(m: CountsMessage): void }).learn(message);
          }
          const sample = new Float64Array(groups.length);
          time(strategy, groups, sample);
          if (round >= 3) times.get(name)?.push(sample);
        }
      }
      const rows = strategies.map(({ name }) => {
        const parts = times.get(name) ?? [];
        const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
        let at = 0;
        for (const part of parts) {
          all.set(part, at);
          at += part.length;
        }
        all.sort();
        return { name, p50: quantile(all, 0.5), p99: quantile(all, 0.99) };
      });
      const [local] = rows;
      process.stdout.write(`\n${label}, ${shared ? `counts of ${PEERS} other hosts` : 'nobody else asks'}\n`);
      for (const { name, p50, p99 } of rows) {
        const ratio = (a: number, b = 1): string => `${(a / b).toFixed(2)} × local`;
        process.stdout.write(
          `  ${name.padEnd(15)} p50 ${String(p50).padStart(5)} ns (${ratio(p50, local?.p50)})   p99 ${String(p99).padStart(6)} ns (${ratio(p99, local?.p99)})\n`,
        );
      }
      for (const { strategy } of strategies) await strategy.close();
    }
  }
}

function merging(): void {
  const replica = new Replica({
    self: { address: 'a:1', incarnation: 1 },
    maxCounters: 100_000,
    learns: 'only',
    onEvict: () => {},
    onNews: () => {},
  });
  const counters = Array.from({ length: 50 }, (_, i) => `bench:k${i}`);
  const now = systemClock.now();
  const one = (peer: number, taken: number): CountsMessage => ({
    kind: 'counts',
    origins: [{ address: `peer${peer}:1`, incarnation: 1, ageMs: 0 }],
    records: counters.map((counter) => ({
      counter,
      sliceMs: 60_000,
      keep: 2,
      epoch: 0,
      index: Math.floor(now / 60_000),
      tallies: [{ origin: 0, taken, returned: 0, asked: taken }],
    })),
  });
  let [encoding, decoding, merging, records] = [0, 0, 0, 0];
  for (let round = 1; round <= 60; round++) {
    for (let peer = 0; peer < 200; peer++) {
      const message = one(peer, round);
      let from = process.hrtime.bigint();
      const payloads = encodeCounts(message, 1_200);
      if (round > 10) encoding += Number(process.hrtime.bigint() - from);
      from = process.hrtime.bigint();
      const read = payloads.map(decodeCounts);
      if (round > 10) decoding += Number(process.hrtime.bigint() - from);
      from = process.hrtime.bigint();
      for (const each of read) if (each.kind === 'counts') replica.merge(each, now, 0);
      if (round > 10) {
        merging += Number(process.hrtime.bigint() - from);
        records += counters.length;
      }
    }
  }
  const each = (sum: number): string => `${(sum / records).toFixed(0)} ns`;
  process.stdout.write(
    `\none record of news (50 a message, 200 hosts): encode ${each(encoding)}, decode ${each(decoding)}, merge ${each(merging)}\n`,
  );
}

function memory(): void {
  const gc = (globalThis as { gc?: () => void }).gc;
  if (gc === undefined) return;
  for (const peers of [1, 16, 200]) {
    const replica = new Replica({
      self: { address: 'a:1', incarnation: 1 },
      maxCounters: 1_000_000,
      learns: 'only',
      onEvict: () => {},
      onNews: () => {},
    });
    const now = systemClock.now();
    gc();
    const before = process.memoryUsage().heapUsed;
    const keys = Math.floor(100_000 / peers) + 1_000;
    for (let key = 0; key < keys; key++) {
      const origins = Array.from({ length: peers }, (_, i) => ({ address: `p${i}:1`, incarnation: 1, ageMs: 0 }));
      const tallies = origins.map((_, origin) => ({ origin, taken: key, returned: 0, asked: key }));
      const index = Math.floor(now / 60_000);
      const record = { counter: `bench:k${key}`, sliceMs: 60_000, keep: 2, epoch: 0, index, tallies };
      replica.merge({ kind: 'counts', origins, records: [record] }, now, 0);
    }
    gc();
    const bytes = (process.memoryUsage().heapUsed - before) / keys;
    process.stdout.write(
      `a counter heard of from ${peers} hosts in one slot: ${bytes.toFixed(0)} bytes (${replica.size})\n`,
    );
  }
}

await decisions();
merging();
memory();
