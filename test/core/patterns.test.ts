import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  globCovers,
  hostCovers,
  hostPatternProblem,
  matchesGlob,
  matchesHost,
  matchesPath,
  pathCovers,
  pathPatternProblem,
} from '../../src/core/patterns.ts';

test('a host pattern is a host, or everything below one', () => {
  assert.ok(matchesHost('example.com', 'example.com'));
  assert.ok(!matchesHost('example.com', 'a.example.com'));
  assert.ok(matchesHost('*.example.com', 'a.example.com'));
  assert.ok(matchesHost('*.example.com', 'b.a.example.com'));
  assert.ok(!matchesHost('*.example.com', 'example.com'));
  assert.ok(!matchesHost('*.example.com', '.example.com'));
  assert.ok(!matchesHost('*.example.com', 'badexample.com'));
  assert.ok(matchesHost(undefined, ''));
});

test('a path pattern is a path, or a prefix with everything below it', () => {
  assert.ok(matchesPath('/v1', '/v1'));
  assert.ok(!matchesPath('/v1', '/v1/'));
  assert.ok(matchesPath('/v1/*', '/v1'));
  assert.ok(matchesPath('/v1/*', '/v1/'));
  assert.ok(matchesPath('/v1/*', '/v1/a/b'));
  assert.ok(!matchesPath('/v1/*', '/v10'));
  assert.ok(!matchesPath('/v1/*', '/V1'));
  assert.ok(matchesPath('/*', '/'));
  assert.ok(matchesPath(undefined, '*'));
});

test('well-formed patterns have no problem', () => {
  for (const host of [
    'a',
    'example.com',
    '*.example.com',
    'a-b.example.co.uk',
    'EXAMPLE.com',
    '127.0.0.1',
    '[::1]',
    '_x.local',
    '*.com',
  ]) {
    assert.equal(hostPatternProblem(host), undefined, host);
  }
  for (const path of [
    '/',
    '/*',
    '/v1',
    '/v1/',
    '/v1/*',
    '/a%2Fb',
    '/.well-known/*',
    '/a.b/..c',
    '/~u/*',
    '/a:b@c/(d)',
    '/%E2%82%AC',
  ]) {
    assert.equal(pathPatternProblem(path), undefined, path);
  }
});

test('a pattern that could never match is a problem, and the hint is what to write', () => {
  for (const host of [
    '',
    '*',
    '*.',
    'a..b',
    'a.*.b',
    '*a.b',
    'a:80',
    'http://a',
    'a/b',
    'a.',
    '-a',
    'münchen.de',
    'a b',
  ]) {
    assert.ok(hostPatternProblem(host) !== undefined, host);
  }
  for (const path of ['', 'v1', '*', '/a*', '/a/*/b', '/*/', '/a?b', '/a#b', '/a b', '/a%', '/a%zz']) {
    assert.ok(pathPatternProblem(path) !== undefined, path);
  }
  const hints = {
    '/a//b': '/a/b',
    '/a/./b': '/a/b',
    '/a/../b': '/b',
    '/%61/*': '/a/*',
    '/..': '/',
    '/a/..': '/',
    '//*': '/*',
    '/€': '/%E2%82%AC',
  };
  for (const [path, better] of Object.entries(hints)) {
    const hint = pathPatternProblem(path)?.hint ?? '';
    assert.equal(hint, `write ${better}`, path);
    assert.equal(pathPatternProblem(better), undefined, better);
  }
});

const label = fc.constantFrom('a', 'b', 'com');
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const hostPattern = fc.option(
  fc.oneof(
    host,
    host.map((h) => `*.${h}`),
  ),
  { nil: undefined },
);
const path = fc
  .array(fc.constantFrom('a', 'b', 'ab', ''), { maxLength: 4 })
  .map((parts) => `/${parts.join('/')}`.replace(/\/{2,}/g, '/'));
const pathPattern = fc.option(
  fc.oneof(
    path,
    path.map((p) => `${p === '/' ? '' : p}/*`),
  ),
  { nil: undefined },
);
const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 });
const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });

test('what one pattern covers, it matches', () => {
  fc.assert(
    fc.property(hostPattern, hostPattern, host, (outer, inner, h) => {
      if (hostCovers(outer, inner) && matchesHost(inner, h)) assert.ok(matchesHost(outer, h));
    }),
    { numRuns: 3_000 },
  );
  fc.assert(
    fc.property(pathPattern, pathPattern, path, (outer, inner, p) => {
      if (pathCovers(outer, inner) && matchesPath(inner, p)) assert.ok(matchesPath(outer, p));
    }),
    { numRuns: 3_000 },
  );
  fc.assert(
    fc.property(glob, glob, text, (outer, inner, t) => {
      if (globCovers(outer, inner) && matchesGlob(inner, t)) assert.ok(matchesGlob(outer, t));
    }),
    { numRuns: 5_000 },
  );
});

/** Fills each star with each of these: `c` is a character that no pattern names, so it stands for all others. */
const FILLS = ['', 'c', 'a', 'b', 'ca', 'bc'];

test('what one pattern does not cover, the other matches something outside it', () => {
  fc.assert(
    fc.property(hostPattern, hostPattern, (outer, inner) => {
      const witnesses =
        inner === undefined
          ? ['zz', 'z.com']
          : inner.startsWith('*.')
            ? [`z${inner.slice(1)}`, `z.y${inner.slice(1)}`]
            : [inner];
      if (!hostCovers(outer, inner)) assert.ok(witnesses.some((h) => !matchesHost(outer, h)));
    }),
    { numRuns: 3_000 },
  );
  fc.assert(
    fc.property(pathPattern, pathPattern, (outer, inner) => {
      const base = inner === undefined ? '' : inner.slice(0, -2);
      const witnesses =
        inner === undefined || inner.endsWith('/*') ? [base || '/', `${base}/z`, `${base}/z/z`] : [inner];
      if (!pathCovers(outer, inner)) assert.ok(witnesses.some((p) => !matchesPath(outer, p)));
    }),
    { numRuns: 3_000 },
  );
  fc.assert(
    fc.property(glob, glob, (outer, inner) => {
      if (!globCovers(outer, inner))
        assert.ok(FILLS.some((fill) => !matchesGlob(outer, inner.replaceAll('*', `${fill}c`))));
    }),
    { numRuns: 5_000 },
  );
});

test('a glob agrees with the regular expression it stands for', () => {
  fc.assert(
    fc.property(glob, text, (pattern, t) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
      assert.equal(matchesGlob(pattern, t), expression.test(t));
    }),
    { numRuns: 5_000 },
  );
});
