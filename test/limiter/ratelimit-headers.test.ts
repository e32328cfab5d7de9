import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import type { HeaderStyle } from '../../src/config/types.ts';
import { policyItem, RateLimitFields, wholeSeconds } from '../../src/limiter/ratelimit-headers.ts';
import { field } from './setup.ts';

const PER_MINUTE: Policy = { algorithm: 'fixed-window', limit: 100, windowMs: 60_000 };
const PER_SECOND: Policy = { algorithm: 'fixed-window', limit: 10, windowMs: 1_000 };

/** A list of strings with integer or string parameters, as RFC 9651 4.2 parses it; throws on anything else. */
function parseList(text: string): [string, Record<string, number | string>][] {
  let rest = text;
  const take = (pattern: RegExp): string => {
    const match = pattern.exec(rest);
    if (match === null) throw new Error(`cannot parse at: ${rest}`);
    rest = rest.slice(match[0].length);
    return match[1] ?? '';
  };
  const STRING = /^"((?:[ !#-[\]-~]|\\["\\])*)"/;
  const unquote = (quoted: string): string => quoted.replace(/\\(["\\])/g, '$1');
  const out: [string, Record<string, number | string>][] = [];
  for (;;) {
    const item = unquote(take(STRING));
    const parameters: Record<string, number | string> = {};
    while (rest.startsWith(';')) {
      const name = take(/^;([a-z*][a-z0-9_*.-]*)=/);
      parameters[name] = rest.startsWith('"') ? unquote(take(STRING)) : Number(take(/^(-?\d{1,15})(?!\d|\.)/));
    }
    out.push([item, parameters]);
    if (rest === '') return out;
    take(/^[ \t]*,[ \t]*()/);
  }
}

function fieldsOf(style: HeaderStyle, ...standings: [Policy, number, number, boolean][]): string[] {
  const fields = new RateLimitFields(style);
  standings.forEach(([policy, remaining, seconds, refuses], i) => {
    const item = policyItem(`limit-${i}`, policy, false);
    fields.policy(item.policy);
    fields.standing(item, remaining, seconds, refuses);
  });
  return fields.list(standings.some(([, , , refuses]) => refuses) ? 7 : undefined);
}

describe('the rate limit fields', () => {
  it('are the documented text for one limit', () => {
    const item = policyItem('per-client', PER_MINUTE, false);
    const fields = new RateLimitFields('draft');
    fields.policy(item.policy);
    fields.standing(item, 37, 60, false);
    assert.deepEqual(fields.list(undefined), [
      'RateLimit-Policy',
      '"per-client";q=100;w=60',
      'RateLimit',
      '"per-client";r=37;t=60',
    ]);
  });

  it('list several limits', () => {
    const headers = fieldsOf('draft', [PER_MINUTE, 37, 60, false], [PER_SECOND, 0, 1, true]);
    assert.deepEqual(parseList(field(headers, 'RateLimit-Policy') ?? ''), [
      ['limit-0', { q: 100, w: 60 }],
      ['limit-1', { q: 10, w: 1 }],
    ]);
    assert.deepEqual(parseList(field(headers, 'RateLimit') ?? ''), [
      ['limit-0', { r: 37, t: 60 }],
      ['limit-1', { r: 0, t: 1 }],
    ]);
    assert.equal(field(headers, 'Retry-After'), '7');
  });

  it('name each rate of a limit with several apart', () => {
    assert.equal(policyItem('per-client', PER_SECOND, true).name, 'per-client/1s');
    assert.equal(policyItem('per-client', PER_MINUTE, true).policy, '"per-client/1m";q=100;w=60');
  });

  it('give windows in whole seconds, never zero and never faster than the true rate', () => {
    const windowOf = (windowMs: number): unknown =>
      parseList(policyItem('x', { ...PER_SECOND, windowMs }, false).policy)[0]?.[1]['w'];
    assert.equal(windowOf(100), 1);
    assert.equal(windowOf(1_000), 1);
    assert.equal(windowOf(1_500), 2);
  });

  it('give concurrency its unit and no window', () => {
    const { policy } = policyItem('in-flight', { algorithm: 'concurrency', limit: 8, leaseMs: 30_000 }, false);
    assert.deepEqual(parseList(policy), [['in-flight', { q: 8, qu: 'concurrent-requests' }]]);
  });

  it('stay parsable for any name and any number', () => {
    const name = 'a"b\\c é\n';
    const item = policyItem(name, { ...PER_MINUTE, limit: Number.MAX_SAFE_INTEGER }, false);
    assert.deepEqual(parseList(item.policy)[0]?.[1], { q: 999_999_999_999_999, w: 60 });
    assert.equal(parseList(policyItem('a"b\\c', PER_MINUTE, false).policy)[0]?.[0], 'a"b\\c');
    const fields = new RateLimitFields('draft');
    fields.standing(item, Number.MAX_SAFE_INTEGER, wholeSeconds(Number.POSITIVE_INFINITY), false);
    assert.deepEqual(parseList(fields.list(undefined)[1] ?? '')[0]?.[1], {
      r: 999_999_999_999_999,
      t: 999_999_999_999_999,
    });
  });

  it('in the legacy style tell of the limit with the smallest share left', () => {
    const headers = fieldsOf('legacy', [PER_MINUTE, 50, 60, false], [PER_SECOND, 4, 1, false]);
    assert.deepEqual(headers, ['X-RateLimit-Limit', '10', 'X-RateLimit-Remaining', '4', 'X-RateLimit-Reset', '1']);
  });

  it('in the legacy style tell of the limit that refuses longest, if any refuses', () => {
    const headers = fieldsOf('legacy', [PER_SECOND, 2, 1, true], [PER_MINUTE, 5, 40, true], [PER_SECOND, 0, 1, false]);
    assert.equal(field(headers, 'X-RateLimit-Limit'), '100');
    assert.equal(field(headers, 'X-RateLimit-Reset'), '40');
  });

  it('come in both styles or in none, and Retry-After in any case', () => {
    const both = fieldsOf('both', [PER_MINUTE, 0, 7, true]);
    assert.deepEqual(
      both.filter((_, i) => i % 2 === 0),
      [
        'RateLimit-Policy',
        'RateLimit',
        'X-RateLimit-Limit',
        'X-RateLimit-Remaining',
        'X-RateLimit-Reset',
        'Retry-After',
      ],
    );
    assert.deepEqual(fieldsOf('none', [PER_MINUTE, 0, 7, true]), ['Retry-After', '7']);
    assert.deepEqual(fieldsOf('none', [PER_MINUTE, 3, 7, false]), []);
  });

  it('round seconds up', () => {
    assert.deepEqual([-5, 0, 1, 999, 1_000, 1_001].map(wholeSeconds), [0, 0, 1, 1, 1, 2]);
  });
});
