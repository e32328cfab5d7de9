import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { FaultCode } from '../../src/config/faults.ts';
import { FAULT_CATALOGUE, formatFault } from '../../src/config/faults.ts';
import { loadConfigFile } from '../../src/config/load.ts';
import { FIXTURE_ENV, invalidFixtures } from './fixtures.ts';

const fixtures = invalidFixtures();
/** Cannot be a file of a readable size in the repository; load.test.ts has them. */
const WITHOUT_FIXTURE: readonly FaultCode[] = ['unreadable', 'too-large'];
const EXPECT = /^# expect: (.*)$/gm;

for (const { name, file, text } of fixtures) {
  test(`config/invalid/${name}.yaml is reported as its first lines say`, () => {
    const expected = [...text.matchAll(EXPECT)].map((match) => `${file}:${match[1]}`);
    assert.ok(expected.length > 0, 'a fixture starts with # expect: line:column: message (hint)');
    const result = loadConfigFile(file, FIXTURE_ENV);
    assert.ok('faults' in result, 'loaded without a fault');
    assert.deepEqual(result.faults.map(formatFault), expected);
    assert.deepEqual([...new Set(result.faults.map((fault) => fault.code))], [name.replace(/--.*/, '')]);
  });
}

test('every kind of fault has a fixture', () => {
  const shown = new Set(fixtures.map(({ name }) => name.replace(/--.*/, '')));
  const missing = Object.keys(FAULT_CATALOGUE).filter(
    (code) => !shown.has(code) && !WITHOUT_FIXTURE.some((c) => c === code),
  );
  assert.deepEqual(missing, []);
});

test('the directory holds fixtures only', () => {
  assert.equal(readdirSync('config/invalid').length, fixtures.length);
});

test('no fault shows what the environment holds', () => {
  for (const { file } of fixtures) {
    const result = loadConfigFile(file, FIXTURE_ENV);
    const said = 'faults' in result ? result.faults.map(formatFault).join('\n') : '';
    for (const value of [FIXTURE_ENV.SLUICE_TEST_WORD, FIXTURE_ENV.SLUICE_ADMIN_TOKEN])
      assert.ok(!said.includes(value));
    const harmless = /config\/invalid\/\S+|there is no secret|secret: \$\{SLUICE_PEER_SECRET\}/g;
    assert.ok(!/secret|two words/.test(said.replace(harmless, '')), said);
  }
});
