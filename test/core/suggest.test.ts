import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, suggest } from '../../src/core/suggest.ts';

test('a slip of the finger is recognised', () => {
  assert.equal(suggest('algoritm', ['algorithm', 'overrides']), 'algorithm');
  assert.equal(suggest('trusted_proxies', ['headers', 'trustedProxies']), 'trustedProxies');
  assert.equal(suggest('kye', ['mode', 'key']), 'key');
  assert.equal(suggest('PSOT', ['GET', 'POST', 'PUT']), 'POST');
});

test('what is not near is not suggested', () => {
  assert.equal(suggest('strip', ['name', 'match']), undefined);
  assert.equal(suggest('a', ['b', 'c']), undefined);
  assert.equal(suggest('', ['key']), undefined);
  assert.equal(suggest('x'.repeat(100_000), ['key']), undefined);
});

test('without a near one, the candidates are named, but not hundreds', () => {
  assert.equal(didYouMean('zzz', ['one', 'two']), 'there is one, two');
  assert.equal(didYouMean('zzz', []), 'none is defined');
  const many = Array.from({ length: 100 }, (_, i) => `limit-${i}`);
  assert.ok(didYouMean('zzz', many).length < 200);
});
