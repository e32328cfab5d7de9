import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { normalisePath } from '../../src/proxy/path.ts';

function match(path: string): string | undefined {
  return normalisePath(path)?.match;
}

test('unreserved characters are decoded, other escapes written in upper case', () => {
  assert.equal(match('/%61%2D%7e'), '/a-~');
  assert.equal(match('/a%c3%a9'), '/a%C3%A9');
  assert.equal(match('/a%21b'), '/a!b');
  assert.equal(match('/a%3fb%23c%25d'), '/a%3Fb%23c%25d');
  assert.equal(match('/a|b'), match('/a%7cb'));
});

test('dot segments are removed however they are spelled', () => {
  assert.equal(match('/a/./b/../c'), '/a/c');
  assert.equal(match('/a/%2e/b/%2E./c'), '/a/c');
  assert.equal(match('/../../a'), '/a');
  assert.equal(match('/a/..'), '/');
  assert.equal(match('/a/b/..'), '/a/');
  assert.equal(match('/a/.'), '/a/');
  assert.equal(match('/a/...'), '/a/...');
  assert.equal(match('/a/.b'), '/a/.b');
});

test('slashes are merged for matching only', () => {
  const path = normalisePath('/a//b///c');
  assert.equal(path?.match, '/a/b/c');
  assert.equal(path?.forward, '/a//b///c');
  // Dots are removed as the upstream would, before slashes are merged: both see /a/b.
  assert.equal(normalisePath('/a//../b')?.match, '/a/b');
  assert.equal(normalisePath('/a//../b')?.forward, '/a/b');
});

test('what is forwarded keeps its spelling otherwise', () => {
  assert.equal(normalisePath('/%41%2fb%C3%a9')?.forward, '/A%2fb%C3%a9');
  assert.equal(normalisePath('/a\u00e9')?.forward, '/a%E9');
});

test('control characters, broken escapes and fragments are refused', () => {
  for (const path of [
    '/%00',
    '/%0a',
    '/%1F',
    '/%7f',
    '/\u0001',
    '/%',
    '/%2',
    '/%zz',
    '/a%',
    '/a#b',
    '/a\u0100',
    '/ ',
  ]) {
    assert.equal(normalisePath(path), undefined, path);
  }
});

test('escaped slashes and backslashes are matched in both spellings', () => {
  const path = normalisePath('/a%2fb');
  assert.equal(path?.match, '/a%2Fb');
  assert.equal(path?.decoded, '/a/b');
  assert.equal(normalisePath('/a\\b')?.decoded, '/a/b');
  assert.equal(normalisePath('/a%5cb')?.decoded, '/a/b');
  assert.equal(normalisePath('/a%2f..%2fb')?.decoded, '/b');
});

test('escaped slashes among dot segments are refused where the order of decoding matters', () => {
  for (const path of ['/v1/a/%2f../b', '/a\\b%2f..%2fR', '/a\\..%2fR']) {
    assert.equal(normalisePath(path), undefined, path);
  }
});

test('the received path cannot hide dots from the decoded spelling', () => {
  // The upstream gets /R; a limit that counted /a/R would be escaped.
  assert.equal(normalisePath('/a\\x/../R')?.forward, '/R');
  assert.equal(normalisePath('/a\\x/../R')?.decoded, '/R');
});

const plainSegment = fc
  .string({ unit: fc.constantFrom(...'abcXYZ019-._~!$&()*+,;=:@'), minLength: 1, maxLength: 6 })
  .filter((s) => s !== '.' && s !== '..');
const canonicalPath = fc
  .array(plainSegment, { minLength: 1, maxLength: 4 })
  .map((segments) => `/${segments.join('/')}`);

/** Spells a path in another way that means the same. */
function respell(path: string, choices: readonly number[]): string {
  let out = '';
  let i = 0;
  for (const char of path) {
    const choice = choices[i++ % choices.length] ?? 0;
    if (char === '/') out += ['/', '//', '/./', '/x/../', '/%2e/', '/y/%2E./', '/', '/'][choice % 8];
    else if (choice % 3 === 1) out += `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
    else if (choice % 3 === 2) out += `%${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;
    else out += char;
  }
  return out;
}

test('every spelling of a path is matched and counted as the path itself', () => {
  fc.assert(
    fc.property(canonicalPath, fc.array(fc.nat(100), { minLength: 1, maxLength: 40 }), (path, choices) => {
      const spelled = respell(path, choices);
      const normal = normalisePath(spelled);
      assert.equal(normal?.match, path, spelled);
      assert.equal(normal.decoded, path);
    }),
    { numRuns: 2_000 },
  );
});

const wildPath = fc
  .array(
    fc.constantFrom(
      'a',
      'R',
      '/',
      '/',
      '.',
      '..',
      '%2e',
      '%2F',
      '%2f',
      '%5C',
      '\\',
      '%61',
      '%25',
      '%252e',
      ';',
      '!',
      '%21',
    ),
    { maxLength: 14 },
  )
  .map((parts) => `/${parts.join('')}`);

test('what is forwarded is read by us as it will be by the upstream', () => {
  fc.assert(
    fc.property(wildPath, (path) => {
      const once = normalisePath(path);
      if (once === undefined) return;
      const again = normalisePath(once.forward);
      assert.deepEqual(again, once);
      assert.ok(!/\/\.\.?(\/|$)/.test(once.forward), 'a dot segment is left');
      assert.ok(!/\/\.\.?(\/|$)|\/\//.test(once.decoded), 'a dot segment is left in what is counted');
    }),
    { numRuns: 5_000 },
  );
});

/** How upstreams that decode slashes resolve a path: every kind they decode, in every order. */
function upstreamReadings(forward: string): Set<string> {
  const out = new Set<string>();
  for (const kinds of [/%2f/gi, /%5c|\\/gi, /%2f|%5c|\\/gi]) {
    for (const mergeFirst of [false, true]) {
      let text = forward.replace(kinds, '/');
      if (text === forward) continue;
      if (mergeFirst) text = text.replace(/\/+/g, '/');
      const stack: string[] = [];
      const parts = text.slice(1).split('/');
      for (const [i, part] of parts.entries()) {
        if (part === '..') stack.pop();
        else if (part !== '.') stack.push(part);
        if (i === parts.length - 1 && (part === '.' || part === '..')) stack.push('');
      }
      out.add(`/${stack.join('/')}`);
    }
  }
  return out;
}

test('no upstream that reads escaped slashes as slashes serves another path than was counted', () => {
  fc.assert(
    fc.property(wildPath, (path) => {
      const normal = normalisePath(path);
      if (normal === undefined) return;
      for (const reading of upstreamReadings(normal.forward)) {
        // What the upstream serves, asked for plainly, is counted under the same path.
        assert.equal(normalisePath(reading)?.decoded, normal.decoded, `${path} read as ${reading}`);
      }
    }),
    { numRuns: 10_000 },
  );
});
