// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are what is tested
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FAULT_CATALOGUE, formatFault } from '../../src/config/faults.ts';
import { loadConfig } from '../../src/config/load.ts';
import { FIXTURE_ENV, invalidFixtures, SMALL, validExamples } from './fixtures.ts';

const sources = [...validExamples(), ...invalidFixtures()]
  .map(({ text }) => text)
  .filter((text) => text.length < 5_000);

/** Pieces that mean something to YAML, to references, or to our own notations. */
const PIECES = [
  '',
  ' ',
  '  ',
  '\t',
  '\n',
  '\r\n',
  '---\n',
  '...',
  ':',
  ': ',
  '- ',
  '? ',
  ',',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '#',
  ' #',
  '&a ',
  '*a',
  '<<: ',
  '<<: *a',
  '!',
  '!!int ',
  '|\n',
  '>\n',
  '%',
  '@',
  '`',
  '~',
  'null',
  'true',
  '0',
  '-1',
  '1e999',
  '.nan',
  '0x10',
  '9007199254740993',
  '${',
  '${PORT}',
  '${NO}',
  '$${',
  '}',
  '*',
  '/',
  '|',
  '\u0000',
  '\u2028',
  '\uFEFF',
  '\uE000',
  '\uD800',
  '😀',
  'x'.repeat(2000),
  '['.repeat(300),
];

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat({ max: 40 }),
  put: fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 8 })),
});

function mutate(text: string, mutations: readonly { at: number; cut: number; put: string }[]): string {
  let out = text;
  for (const { at, cut, put } of mutations) {
    const index = Math.floor(at * out.length);
    out = out.slice(0, index) + put + out.slice(index + cut);
  }
  return out;
}

function check(text: string): void {
  const result = loadConfig(text, 'f.yaml', FIXTURE_ENV);
  if ('config' in result) return;
  assert.ok(result.faults.length > 0);
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  let before = 0;
  for (const fault of result.faults) {
    const said = formatFault(fault);
    assert.ok(fault.line >= 1 && fault.line <= lines.length, said);
    assert.ok(fault.column >= 1 && fault.column <= (lines[fault.line - 1] ?? '').length + 1, said);
    assert.ok(fault.code in FAULT_CATALOGUE);
    const place = fault.line * 1e6 + fault.column;
    assert.ok(place >= before, 'in the order of the file');
    before = place;
    assert.ok(!/[\n\r]/.test(said), `one line: ${JSON.stringify(said)}`);
    assert.ok(!/undefined|\[object|NaN\b/.test(said.replaceAll(/"(?:[^"\\]|\\.)*"/g, '')), said);
  }
  assert.equal(new Set(result.faults.map(formatFault)).size, result.faults.length, 'no fault twice');
}

test('whatever is done to a file, loading it answers with a configuration or with faults inside the file', () => {
  fc.assert(
    fc.property(fc.constantFrom(...sources), fc.array(mutation, { minLength: 1, maxLength: 4 }), (text, mutations) => {
      check(mutate(text, mutations));
    }),
    { numRuns: 1_500 },
  );
});

test('moving lines about never makes loading throw', () => {
  fc.assert(
    fc.property(fc.constantFrom(...sources), fc.array(fc.nat(), { maxLength: 12 }), (text, moves) => {
      const lines = text.split('\n');
      for (const move of moves) {
        const [line = ''] = lines.splice(move % lines.length, 1);
        lines.splice((move * 31) % (lines.length + 1), 0, line);
      }
      check(lines.join('\n'));
    }),
    { numRuns: 500 },
  );
});

test('any text at all is answered', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => check(text)),
    { numRuns: 500 },
  );
});

test('a value of any kind in any place is answered', () => {
  const values = [
    '1',
    '-1',
    '1.5',
    'true',
    '~',
    'text',
    '""',
    '[]',
    '{}',
    '[[1]]',
    '{ a: 1 }',
    '1m',
    '*x',
    '&x 1',
    '2024-01-01',
    '${PORT}',
  ];
  for (const { text } of validExamples()) {
    for (const [match] of text.matchAll(/: [^\n#]+$/gm))
      for (const value of values) check(text.replace(match, () => `: ${value}`));
  }
  check(SMALL);
});
