import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkFile } from '../../src/config/check.ts';
import { FIXTURE_ENV } from './fixtures.ts';

test('a right file is one line and exit code 0', () => {
  assert.deepEqual(checkFile('config/sluice.yaml', FIXTURE_ENV), {
    lines: ['config/sluice.yaml: ok, 1 route, 1 limit, 1 upstream'],
    exitCode: 0,
  });
});

test('a wrong file is a line for each fault, their number, and exit code 1', () => {
  const file = 'config/invalid/bad-cidr.yaml';
  const { lines, exitCode } = checkFile(file, FIXTURE_ENV);
  assert.equal(exitCode, 1);
  assert.equal(lines.length, 4);
  assert.match(lines[0] ?? '', /^config\/invalid\/bad-cidr\.yaml:4:30: .* \(.*\)$/);
  assert.equal(lines[3], `${file}: 3 faults`);
});

test('a file that is not there is a fault', () => {
  assert.deepEqual(checkFile('no/such.yaml', {}), {
    lines: ['no/such.yaml: cannot be read: there is no such file', 'no/such.yaml: 1 fault'],
    exitCode: 1,
  });
});
