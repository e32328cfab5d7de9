import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { CidrSet } from '../../src/core/ip.ts';
import { resolveClientIp } from '../../src/proxy/client-address.ts';
import { fieldKind, HOP, PLAIN } from '../../src/proxy/fields.ts';
import { normaliseHost } from '../../src/proxy/host.ts';
import { PlainRequestFacts } from '../../src/proxy/request-facts.ts';
import { RequestHead, requestFraming } from '../../src/proxy/request-head.ts';
import { RouteTable } from '../../src/proxy/route-table.ts';
import { parseTarget } from '../../src/proxy/target.ts';

describe('hosts', () => {
  test('are compared without case, port and last dot', () => {
    assert.equal(normaliseHost('Example.COM.:8080'), 'example.com');
    assert.equal(normaliseHost('[2001:DB8:0::1]:80'), '[2001:db8::1]');
    assert.equal(normaliseHost('10.0.0.1:'), '10.0.0.1');
  });
  test('that are none are refused', () => {
    const bad = [
      '',
      ':80',
      'a b',
      'a/b',
      'u@h',
      'a,b',
      'a:b',
      'a:123456',
      '[::1',
      '[zz]',
      '[::1]x',
      'ex%61mple',
      'a..',
      '.',
      'x'.repeat(300),
    ];
    for (const host of bad) assert.equal(normaliseHost(host), undefined, host);
  });
});

describe('targets', () => {
  test('come in origin, absolute and asterisk form', () => {
    assert.deepEqual(parseTarget('GET', '/a?b?c'), { authority: undefined, path: '/a', query: '?b?c' });
    assert.deepEqual(parseTarget('GET', 'HTTP://h:1/a?x'), { authority: 'h:1', path: '/a', query: '?x' });
    assert.deepEqual(parseTarget('GET', 'http://h?x'), { authority: 'h', path: '/', query: '?x' });
    assert.deepEqual(parseTarget('OPTIONS', 'http://h'), { authority: 'h', path: '*', query: '' });
    assert.deepEqual(parseTarget('OPTIONS', '*'), { authority: undefined, path: '*', query: '' });
  });
  test('of other forms are refused', () => {
    for (const target of ['*', 'h:80', 'ftp://h/', 'a', '', '/a?b#c'])
      assert.equal(parseTarget('GET', target), undefined, target);
  });
});

describe('client addresses', () => {
  const trusted = new CidrSet(['10.0.0.0/8', '2001:db8::/32']);
  test('are the right-most address that is no trusted proxy', () => {
    assert.equal(resolveClientIp(trusted, '10.0.0.1', '6.6.6.6, 1.2.3.4, 10.0.0.9'), '1.2.3.4');
    assert.equal(resolveClientIp(trusted, '10.0.0.1', '1.2.3.4'), '1.2.3.4');
    assert.equal(resolveClientIp(trusted, '10.0.0.1', '10.0.0.3,10.0.0.2'), '10.0.0.3');
  });
  test('from an untrusted peer are the peer', () => {
    assert.equal(resolveClientIp(trusted, '9.9.9.9', '1.2.3.4'), '9.9.9.9');
    assert.equal(resolveClientIp(new CidrSet([]), '10.0.0.1', '1.2.3.4'), '10.0.0.1');
  });
  test('behind something unreadable are the last readable hop', () => {
    assert.equal(resolveClientIp(trusted, '10.0.0.1', '1.2.3.4, unknown, 10.0.0.9'), '10.0.0.9');
    assert.equal(resolveClientIp(trusted, '10.0.0.1', ''), '10.0.0.1');
    assert.equal(resolveClientIp(trusted, '10.0.0.1', '1.2.3.4,'), '10.0.0.1');
  });
  test('lose ports, brackets and IPv4 mapping', () => {
    assert.equal(resolveClientIp(trusted, '10.0.0.1', '1.2.3.4:5678'), '1.2.3.4');
    assert.equal(resolveClientIp(trusted, '10.0.0.1', '[2001:DB9::1]:5678'), '2001:db9::1');
    assert.equal(resolveClientIp(trusted, '10.0.0.1', '::ffff:1.2.3.4'), '1.2.3.4');
  });
  test('cannot be chosen by what the client prepends', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 8 }))), (made) => {
        const forwardedFor = [...made, '1.2.3.4', '10.0.0.9'].join(', ');
        assert.equal(resolveClientIp(trusted, '10.0.0.1', forwardedFor), '1.2.3.4');
      }),
    );
  });
});

describe('framing', () => {
  function framing(fields: string[], minor = 1): string {
    return requestFraming(new RequestHead(fields), minor);
  }
  test('is certain or refused', () => {
    assert.equal(framing([]), 'none');
    assert.equal(framing(['content-length', '5']), 'length');
    assert.equal(framing(['Transfer-Encoding', 'Chunked']), 'chunked');
    assert.equal(framing(['transfer-encoding', 'gzip, chunked']), 'unsupported');
    for (const coding of [
      '',
      ',chunked',
      'chunked,',
      'chunked, chunked',
      'identity',
      'gzip',
      'chunked, gzip',
      'identity, chunked',
      'x chunked',
    ]) {
      assert.equal(framing(['transfer-encoding', coding]), 'malformed', coding);
    }
    assert.equal(framing(['transfer-encoding', 'chunked', 'transfer-encoding', 'chunked']), 'malformed');
    assert.equal(framing(['transfer-encoding', '', 'content-length', '5']), 'malformed');
    assert.equal(framing(['transfer-encoding', 'chunked', 'content-length', '5']), 'malformed');
    assert.equal(framing(['content-length', '5', 'content-length', '5']), 'malformed');
    assert.equal(framing(['transfer-encoding', 'chunked'], 0), 'malformed');
    for (const length of ['5, 5', '+5', '-1', '0x5', '', '5 ', '9'.repeat(16)]) {
      assert.equal(framing(['content-length', length]), 'malformed', length);
    }
  });
});

test('a field is known in any spelling, and its underscore twin does not pass for it', () => {
  assert.equal(fieldKind('pRoXy-fOo'), HOP);
  assert.equal(fieldKind('X_Forwarded_For'), HOP);
  assert.equal(fieldKind('X_Custom'), PLAIN);
  assert.equal(fieldKind('proxied'), PLAIN);
});

describe('facts', () => {
  const raw = ['X-Key', 'a', 'x-key', 'b', 'Cookie', 'a=1; sid="q"; b', 'cookie', 'c=3'];
  const facts = new PlainRequestFacts('GET', '/p', 'h', 'r', '1.1.1.1', raw, '?a=1&b%20c=d+e%21&bad=%zz&a=2&flag');
  test('read fields, cookies and parameters', () => {
    assert.equal(facts.header('x-key'), 'a, b');
    assert.equal(facts.header('x-none'), undefined);
    assert.equal(facts.cookie('sid'), 'q');
    assert.equal(facts.cookie('c'), '3');
    assert.equal(facts.cookie('b'), undefined);
    assert.equal(facts.query('a'), '1');
    assert.equal(facts.query('b c'), 'd e!');
    assert.equal(facts.query('bad'), '%zz');
    assert.equal(facts.query('flag'), '');
    assert.equal(facts.query('none'), undefined);
  });
});

describe('routes', () => {
  const routes = [
    { id: 1, match: { host: 'a.com', path: '/x/*', methods: ['GET'] } },
    { id: 2, match: { host: '*.a.com', path: undefined, methods: undefined } },
    { id: 3, match: { host: undefined, path: '/x', methods: undefined } },
    { id: 4, match: { host: 'a.com', path: undefined, methods: undefined } },
    { id: 5, match: { host: undefined, path: '/y/z/*', methods: undefined } },
    { id: 6, match: { host: undefined, path: '/%7eu/*', methods: undefined } },
  ];
  const table = new RouteTable(routes);
  const find = (method: string, host: string, path: string): number | undefined => table.find(method, host, path)?.id;
  test('are tried in order, the first match wins', () => {
    assert.equal(find('GET', 'a.com', '/x'), 1);
    assert.equal(find('GET', 'a.com', '/x/y'), 1);
    assert.equal(find('POST', 'a.com', '/x'), 3);
    assert.equal(find('POST', 'a.com', '/x/y'), 4);
    assert.equal(find('GET', 'b.a.com', '/x'), 2);
    assert.equal(find('GET', 'c.com', '/x/y'), undefined);
    assert.equal(find('GET', 'c.com', '/xy'), undefined);
    assert.equal(find('GET', 'c.com', '/y/z'), 5);
    assert.equal(find('GET', 'c.com', '/y/zz'), undefined);
    assert.equal(find('GET', 'c.com', '/~u/x'), 6);
    assert.equal(find('OPTIONS', 'a.com', '*'), 4);
    assert.equal(find('OPTIONS', 'c.com', '*'), undefined);
  });

  const host = fc.option(fc.constantFrom('a.com', 'b.a.com', '*.a.com', '*.com'), { nil: undefined });
  const path = fc.option(fc.constantFrom('/*', '/x', '/x/*', '/x/y', '/x/y/*', '/y/*', '/'), { nil: undefined });
  const methods = fc.option(fc.constantFrom(['GET'], ['POST', 'PUT']), { nil: undefined });
  const request = fc.tuple(
    fc.constantFrom('GET', 'POST'),
    fc.constantFrom('a.com', 'b.a.com', 'c.b.a.com', 'com', ''),
    fc.constantFrom('/', '/x', '/x/', '/x/y', '/x/y/z', '/xy', '/y', '/y/q', '*'),
  );
  test('are found by index as they would be one after the other', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ match: fc.record({ host, path, methods }) }), { maxLength: 8 }),
        request,
        (all, [m, h, p]) => {
          const naive = all.find(({ match }) => {
            if (match.methods !== undefined && !(match.methods as readonly string[]).includes(m)) return false;
            if (
              match.host?.startsWith('*.') === true
                ? !h.endsWith(match.host.slice(1)) || h.length < match.host.length
                : match.host !== undefined && match.host !== h
            )
              return false;
            if (match.path === undefined || match.path === '/*') return true;
            if (!match.path.endsWith('/*')) return match.path === p;
            const base = match.path.slice(0, -2);
            return p === base || p.startsWith(`${base}/`);
          });
          assert.equal(new RouteTable(all).find(m, h, p), naive);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

test('what limits keep of a request does not keep its whole head', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const kept: (string | undefined)[] = [];
  const size = 200_000;
  const heapBytes = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heapBytes();
  for (let i = 0; i < 100; i++) {
    const name = `a-name-that-is-long-${i}`;
    const head = Buffer.from(`/${name}|${name}|c=${name}|?q=${name}|${'x'.repeat(size)}`).toString('latin1');
    const [path = '', header = '', cookie = '', query = ''] = head.split('|', 4);
    const facts = new PlainRequestFacts('GET', path, '', '', '', ['x-key', header, 'cookie', cookie], query);
    kept.push(facts.path, facts.header('x-key'), facts.cookie('c'), facts.query('q'));
    kept.push(normaliseHost(head.slice(1, name.length + 1)));
  }
  assert.ok(heapBytes() - before < 20 * size);
  assert.equal(kept.length, 500);
});
