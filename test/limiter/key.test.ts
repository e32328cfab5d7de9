import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { KeySource } from '../../src/config/types.ts';
import { compileKey } from '../../src/limiter/key.ts';
import { keyId, labelFrom, MAX_PLAIN } from '../../src/limiter/key-text.ts';
import type { FactParts } from './setup.ts';
import { API_KEY, facts, IP } from './setup.ts';

const read = (key: KeySource[][], parts: FactParts): string | undefined => compileKey(key).read(facts(parts));

describe('a key', () => {
  it('is read from every source', () => {
    const parts: FactParts = {
      ip: '203.0.113.9',
      method: 'POST',
      path: '/v1/orders',
      host: 'shop.example',
      route: 'orders',
      headers: { 'x-api-key': 'abc' },
      cookies: { session: 's1' },
      query: { tenant: 'acme' },
    };
    const sources: [KeySource, string][] = [
      [{ kind: 'ip' }, '203.0.113.9'],
      [{ kind: 'method' }, 'POST'],
      [{ kind: 'path' }, '/v1/orders'],
      [{ kind: 'host' }, 'shop.example'],
      [{ kind: 'route' }, 'orders'],
      [{ kind: 'global' }, 'global'],
      [API_KEY, 'abc'],
      [{ kind: 'cookie', name: 'session' }, 's1'],
      [{ kind: 'query', name: 'tenant' }, 'acme'],
    ];
    for (const [source, expected] of sources) assert.equal(read([[source]], parts), expected);
    assert.equal(read([[{ kind: 'query', name: 'tenant' }], [{ kind: 'method' }]], parts), 'acme,POST');
  });

  it('takes the first alternative that is present, and an empty one is not', () => {
    const key = [[API_KEY, IP]];
    assert.equal(read(key, { headers: { 'x-api-key': 'abc' }, ip: '10.0.0.1' }), 'abc');
    assert.equal(read(key, { headers: { 'x-api-key': '' }, ip: '10.0.0.1' }), 'ip=10.0.0.1');
    assert.equal(read(key, { ip: '10.0.0.1' }), 'ip=10.0.0.1');
  });

  it('is undefined when a part is absent, and says which', () => {
    const key = [[IP], [API_KEY, { kind: 'cookie', name: 'session' }]] satisfies KeySource[][];
    assert.equal(read(key, {}), undefined);
    assert.equal(compileKey(key).missing(facts()), 'header x-api-key or cookie session');
    assert.equal(compileKey(key).missing(facts({ cookies: { session: 's' } })), undefined);
  });

  it('lets no header value pose as an address', () => {
    const key = [[API_KEY, IP]];
    assert.notEqual(read(key, { headers: { 'x-api-key': 'ip=10.0.0.1' } }), read(key, { ip: '10.0.0.1' }));
    assert.notEqual(read(key, { headers: { 'x-api-key': '10.0.0.1' } }), read(key, { ip: '10.0.0.1' }));
  });

  it('counts IPv6 clients by their /64', () => {
    assert.equal(read([[IP]], { ip: '2001:db8:1:2:aaaa::1' }), '2001:db8:1:2::/64');
    assert.equal(read([[IP]], { ip: '2001:db8:1:2:bbbb::9' }), '2001:db8:1:2::/64');
    assert.notEqual(read([[IP]], { ip: '2001:db8:1:3::1' }), read([[IP]], { ip: '2001:db8:1:2::1' }));
  });

  it('is printable ASCII without spaces, whatever the values', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (value) => {
        const label = read([[API_KEY]], { headers: { 'x-api-key': value } });
        assert.match(label ?? '', /^[!-~]+$/);
        assert.match(keyId(label ?? ''), /^[!-~]{1,64}$/);
      }),
    );
  });

  it('is the same only for the same values', () => {
    // Few characters and short texts, so that collisions would be found; and the characters that could cause them.
    const value = fc.string({
      unit: fc.constantFrom('a', ',', '=', '%', '2', 'C', 'i', 'p', ' ', 'é', '\ud800'),
      maxLength: 6,
    });
    const optional = fc.option(value, { nil: undefined });
    const request = fc.record({
      key: optional,
      session: optional,
      tenant: value,
      ip: fc.constantFrom('10.0.0.1', '10.0.0.2'),
    });
    const key: KeySource[][] = [
      [API_KEY, { kind: 'cookie', name: 'session' }, IP],
      [{ kind: 'query', name: 'tenant' }],
    ];
    // What the key stands for: which alternative, and the values.
    const meaning = (r: {
      key: string | undefined;
      session: string | undefined;
      tenant: string;
      ip: string;
    }): string => {
      const first = r.key ? ['header', r.key] : r.session ? ['cookie', r.session] : ['ip', r.ip];
      return JSON.stringify([first, r.tenant]);
    };
    fc.assert(
      fc.property(request, request, (a, b) => {
        if (a.tenant === '' || b.tenant === '') return;
        const [x, y] = [a, b].map((r) =>
          keyId(
            read(key, {
              ip: r.ip,
              headers: r.key === undefined ? {} : { 'x-api-key': r.key },
              cookies: r.session === undefined ? {} : { session: r.session },
              query: { tenant: r.tenant },
            }) ?? 'missing',
          ),
        );
        assert.equal(x === y, meaning(a) === meaning(b));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is hashed when long, and no short one looks like a hash', () => {
    const long = 'k'.repeat(MAX_PLAIN + 1);
    const id = keyId(long);
    assert.match(id, /^sha256=[\w-]{22}$/);
    assert.notEqual(id, keyId(`${long}k`));
    assert.notEqual(keyId(read([[API_KEY]], { headers: { 'x-api-key': id } }) ?? ''), id);
    assert.equal(keyId('k'.repeat(MAX_PLAIN)), 'k'.repeat(MAX_PLAIN));
  });
});

describe('a key as an operator writes it', () => {
  it('is the label that explain shows', () => {
    const request = fc.record({
      a: fc.string({ unit: 'binary', minLength: 1 }),
      b: fc.string({ unit: 'binary', minLength: 1 }),
    });
    const two = compileKey([[API_KEY, IP], [{ kind: 'query', name: 'tenant' }]]);
    fc.assert(
      fc.property(request, ({ a, b }) => {
        const label = two.read(facts({ headers: { 'x-api-key': a }, query: { tenant: b } })) ?? '';
        assert.equal(two.labelFrom(label), label);
      }),
    );
    assert.equal(two.labelFrom('ip=10.0.0.1,acme'), 'ip=10.0.0.1,acme');
  });

  it('may be the plain value where that is clear', () => {
    const one = compileKey([[API_KEY, IP]]);
    for (const value of ['YWJj==', 'a b', '50%', 'ünï', 'x,y', 'foo=bar']) {
      assert.equal(one.labelFrom(value), one.read(facts({ headers: { 'x-api-key': value } })), value);
    }
    assert.equal(one.labelFrom('a%2cb'), 'a%2Cb');
  });

  it('may be the hashed id', () => {
    const id = keyId('k'.repeat(100));
    assert.equal(labelFrom(id, [[]]), id);
  });
});
