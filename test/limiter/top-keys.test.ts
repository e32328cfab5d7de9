import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { API_KEY, bench, facts, limit, OVERRIDE } from './setup.ts';

const ALICE = facts({ headers: { 'x-api-key': 'alice' } });
const BOB = facts({ headers: { 'x-api-key': 'bob' } });

describe('the busiest keys of a limit', () => {
  it('are counted by who asks and by who is refused', async () => {
    const { compiled, set } = bench([limit({ key: [[API_KEY]] })]);
    for (let i = 0; i < 5; i++) await set.decide(ALICE);
    await set.decide(BOB);
    const top = compiled.top('per-client');
    assert.deepEqual(top?.asked.keys, [
      { key: 'alice', count: 5, error: 0 },
      { key: 'bob', count: 1, error: 0 },
    ]);
    assert.deepEqual(top?.refused.keys, [{ key: 'alice', count: 2, error: 0 }]);
  });

  it('are those of the last one to two minutes', async () => {
    const { compiled, set, clock } = bench([limit({ key: [[API_KEY]] })]);
    await set.decide(ALICE);
    clock.advance(61_000);
    await set.decide(BOB);
    assert.deepEqual(
      compiled.top('per-client')?.asked.keys.map(({ key }) => key),
      ['alice', 'bob'],
    );
    assert.equal(compiled.top('per-client')?.seconds, 61);
    clock.advance(60_000);
    assert.deepEqual(
      compiled.top('per-client')?.asked.keys.map(({ key }) => key),
      ['bob'],
    );
    clock.advance(600_000);
    assert.deepEqual(compiled.top('per-client')?.asked.keys, []);
  });

  it('show a long key by its hash, and no key that has no limit', async () => {
    const long = 'k'.repeat(200);
    const { compiled, set } = bench([
      limit({ key: [[API_KEY]], overrides: [{ ...OVERRIDE, key: 'bob', unlimited: true }] }),
    ]);
    await set.decide(facts({ headers: { 'x-api-key': long } }));
    await set.decide(BOB);
    const [only, ...others] = compiled.top('per-client')?.asked.keys ?? [];
    assert.match(only?.key ?? '', /^sha256=[\w-]{22}$/);
    assert.deepEqual(others, []);
  });

  it('are unknown of a limit that is none', () => {
    assert.equal(bench([limit()]).compiled.top('per-clint'), undefined);
  });
});
