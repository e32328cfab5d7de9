/** Limits that hosts share by telling each other, while some of the hosts cannot be seen. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LimitConfig } from '../../src/config/types.ts';
import type { SharingName } from '../../src/core/types.ts';
import type { Outcome } from '../../src/limiter/outcome.ts';
import type { Strategy } from '../../src/sharing/strategy.ts';
import { AsyncStrategy, MemoryStrategy, PeerStrategy } from './memory-strategy.ts';
import type { Bench } from './setup.ts';
import { bench, facts, limit } from './setup.ts';

const shared = limit({ sharing: 'gossip', rates: [{ count: 8, windowMs: 60_000 }] });

function peerBench(
  limits: readonly LimitConfig[],
): Bench & { readonly gossip: PeerStrategy; readonly store: AsyncStrategy } {
  const gossip = new PeerStrategy('gossip');
  const store = new AsyncStrategy('redis');
  const strategies = new Map<SharingName, Strategy>([
    ['local', new MemoryStrategy('local')],
    ['gossip', gossip],
    ['redis', store],
  ]);
  return { ...bench(limits, { strategies }), gossip, store };
}

function atOnce(outcome: Outcome | Promise<Outcome>): Outcome {
  assert.ok(!(outcome instanceof Promise), 'it answered later');
  return outcome;
}

function admitted({ set }: Bench, times: number): number {
  let count = 0;
  for (let i = 0; i < times; i++) if (atOnce(set.decide(facts())).rejection === undefined) count += 1;
  return count;
}

describe('a limit that hosts share by telling each other', () => {
  it('is decided at once, and its refusals are not remembered', () => {
    const it = peerBench([shared]);
    assert.equal(admitted(it, 10), 8);
    assert.equal(it.gossip.groups.length, 10);
    // A unit is given back: the very next request may have it.
    it.gossip.used.clear();
    assert.equal(admitted(it, 1), 1);
  });

  it('comes before limits in Redis, and is given back when one of those refuses', async () => {
    const redis = limit({ name: 'in-redis', sharing: 'redis', rates: [{ count: 2, windowMs: 60_000 }] });
    const { set, gossip, store } = peerBench([redis, shared]);
    for (let i = 0; i < 4; i++) await set.decide(facts());
    assert.deepEqual([gossip.total, store.total], [2, 2]);
    gossip.used.set([...gossip.used.keys()][0] ?? '', 8);
    const asked = store.groups.length;
    assert.equal(atOnce(set.decide(facts({ ip: '192.0.2.1' }))).rejection?.status, 429);
    assert.equal(store.groups.length, asked, 'Redis was asked for nothing');
  });

  it('local: this side takes its share, and is told of each decision', () => {
    const it = peerBench([shared]);
    it.gossip.visible = 0.5;
    assert.equal(admitted(it, 10), 4);
    assert.equal(it.told.filter((line) => line === 'fallback per-client local').length, 10);
    assert.equal(it.fallback.groups.length, 0, 'the strategy itself decides');
    it.gossip.visible = 1;
    assert.equal(admitted(it, 10), 4);
    assert.equal(it.told.filter((line) => line.startsWith('fallback')).length, 10);
  });

  it('allow: goes by what is known of the whole limit', () => {
    const it = peerBench([{ ...shared, onFailure: 'allow' }]);
    it.gossip.visible = 0.5;
    assert.equal(admitted(it, 10), 8);
    assert.equal(it.told.filter((line) => line === 'fallback per-client allow').length, 10);
  });

  it('deny: refuses with 503 and charges nothing, in no limit', () => {
    const own = limit({ name: 'own', rates: [{ count: 9, windowMs: 60_000 }] });
    const it = peerBench([own, { ...shared, onFailure: 'deny' }, { ...shared, name: 'other' }]);
    it.gossip.visible = 0.75;
    const refused = atOnce(it.set.decide(facts()));
    assert.equal(refused.rejection?.status, 503);
    assert.deepEqual(refused.violated, ['per-client']);
    assert.deepEqual(refused.headers.slice(-2), ['Retry-After', '1']);
    assert.equal(it.gossip.total, 0);
    assert.equal(it.gossip.groups.length, 0);
    it.gossip.visible = 1;
    assert.equal(admitted(it, 10), 8);
  });

  it('deny in shadow mode refuses nobody, and the others are decided', () => {
    const shadow = { ...shared, onFailure: 'deny', mode: 'shadow' } as const;
    const it = peerBench([shadow, { ...shared, name: 'other', onFailure: 'allow' }]);
    it.gossip.visible = 0.5;
    const outcome = atOnce(it.set.decide(facts()));
    assert.equal(outcome.rejection, undefined);
    assert.deepEqual(outcome.shadowViolated, ['per-client']);
    assert.equal(it.gossip.total, 1);
  });
});
