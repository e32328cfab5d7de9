import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchesGlob } from '../../src/core/patterns.ts';
import { compileGlob } from '../../src/limiter/glob.ts';
import { keyId } from '../../src/limiter/key-text.ts';
import { overrideTable } from '../../src/limiter/overrides.ts';

describe('a glob', () => {
  it('means what the equal regular expression means', () => {
    const piece = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 5 }),
        fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 }),
        (pieces, text) => {
          const expected = new RegExp(`^${pieces.join('.*')}$`).test(text);
          assert.equal(compileGlob(pieces.join('*'))(text), expected, `${pieces.join('*')} on ${text}`);
          // What the configuration's check takes a pattern for.
          assert.equal(matchesGlob(pieces.join('*'), text), expected);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('takes no more than linear time for a pattern made to backtrack', () => {
    const matches = compileGlob(`${'a*'.repeat(30)}b`);
    const text = 'a'.repeat(100_000);
    const started = process.hrtime.bigint();
    assert.equal(matches(text), false);
    assert.equal(matches(`${text}b`), true);
    assert.ok(process.hrtime.bigint() - started < 1_000_000_000n);
  });
});

describe('overrides', () => {
  const rules = (...patterns: string[]): { pattern: string; value: string }[] =>
    patterns.map((pattern, i) => ({ pattern, value: `${i}: ${pattern}` }));

  it('are tried in their order, exact ones and globs alike', () => {
    const table = overrideTable(rules('a-1', 'a-*', 'a-2', 'b'), 'none');
    assert.equal(table.find('a-1'), '0: a-1');
    assert.equal(table.find('a-2'), '1: a-*');
    assert.equal(table.find('b'), '3: b');
    assert.equal(table.find('c'), 'none');
  });

  it('answer the same from memory as by searching, however many keys come', () => {
    const patterns = Array.from({ length: 20 }, (_, i) => `${i}-*`);
    const table = overrideTable(rules(...patterns, 'plain'), 'none');
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 10_000; i++) {
        const expected = i % 25 < 20 ? `${i % 25}: ${i % 25}-*` : 'none';
        assert.equal(table.find(`${i % 25}-key-${i}`), expected);
      }
      assert.equal(table.find('plain'), '20: plain');
      assert.equal(table.find(`3-${'x'.repeat(500)}`), '3: 3-*');
    }
  });

  it('for a long exact key hold for its hashed id as well', () => {
    const long = 'k'.repeat(100);
    assert.equal(overrideTable(rules(long), 'none').find(keyId(long)), `0: ${long}`);
  });
});
