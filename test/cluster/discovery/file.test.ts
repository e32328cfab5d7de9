import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { it } from 'node:test';
import { FileDiscovery } from '../../../src/cluster/discovery/file.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { eventually } from '../../support/eventually.ts';

interface Found {
  readonly directory: string;
  readonly file: string;
  /** Every list that was found, oldest first. */
  readonly lists: (readonly string[])[];
  readonly warnings: string[];
}

/** A discovery over a real file in a folder of its own, which `prepare` has filled. */
async function discovered(t: TestContext, prepare: (directory: string) => void, pollMs?: number): Promise<Found> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-peers-'));
  prepare(directory);
  const file = join(directory, 'peers.txt');
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) };
  const discovery = new FileDiscovery({
    file,
    clock: systemClock,
    logger,
    ...(pollMs === undefined ? {} : { pollMs }),
  });
  t.after(async () => {
    await discovery.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const lists: (readonly string[])[] = [];
  await discovery.start((addresses) => void lists.push(addresses));
  return { directory, file, lists, warnings };
}

const never = 3_600_000;
const write = (text: string) => (directory: string) => writeFileSync(join(directory, 'peers.txt'), text);
const until = (lists: Found['lists'], count: number) => eventually(`${count} lists`, () => lists.length >= count);

it('is read at once, and again when it is written to', async (t) => {
  const { file, lists } = await discovered(t, write('a:1\nb:2\n'), never);
  assert.deepEqual(lists, [['a:1', 'b:2']]);
  writeFileSync(file, 'a:1\nc:3\n');
  await until(lists, 2);
  assert.deepEqual(lists[1], ['a:1', 'c:3']);
});

it('the same hosts in another order or with other comments are no change', async (t) => {
  const { file, lists } = await discovered(t, write('a:1\nb:2\n'), never);
  writeFileSync(file, '# sorted otherwise\nb:2\na:1\n');
  writeFileSync(`${file}.new`, 'c:3\n');
  renameSync(`${file}.new`, file);
  await until(lists, 2);
  assert.deepEqual(lists, [['a:1', 'b:2'], ['c:3']]);
});

it('a ConfigMap that is swapped is noticed', async (t) => {
  const volume = (directory: string, version: string, text: string): void => {
    mkdirSync(join(directory, version));
    writeFileSync(join(directory, version, 'peers.txt'), text);
    symlinkSync(version, join(directory, '..data_tmp'));
    renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  };
  const { directory, lists } = await discovered(
    t,
    (at) => {
      volume(at, '..2026_01', 'a:1\n');
      symlinkSync(join('..data', 'peers.txt'), join(at, 'peers.txt'));
    },
    never,
  );
  volume(directory, '..2026_02', 'a:1\nb:2\n');
  await until(lists, 2);
  volume(directory, '..2026_03', 'b:2\n');
  await until(lists, 3);
  assert.deepEqual(lists, [['a:1'], ['a:1', 'b:2'], ['b:2']]);
});

it('what a watch cannot see, the poll does', async (t) => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'sluice-peers-elsewhere-'));
  t.after(() => rmSync(elsewhere, { recursive: true, force: true }));
  writeFileSync(join(elsewhere, 'list'), 'a:1\n');
  const { lists } = await discovered(t, (at) => symlinkSync(join(elsewhere, 'list'), join(at, 'peers.txt')), 20);
  writeFileSync(join(elsewhere, 'list'), 'b:2\n');
  await until(lists, 2);
  assert.deepEqual(lists, [['a:1'], ['b:2']]);
});

it('bad lines are told of with their place, once, and the good ones count', async (t) => {
  const { file, lists, warnings } = await discovered(t, write('a:1\nnonsense\nb:2\n10.0.0.1:99999\n'), 20);
  assert.deepEqual(lists, [['a:1', 'b:2']]);
  const expected = [
    `${file}:2: "nonsense" has no port (for example nonsense:7946)`,
    `${file}:4: "10.0.0.1:99999" has port 99999 (a port is 1 to 65535)`,
  ];
  assert.deepEqual(warnings, expected);
  writeFileSync(file, `${'bad\n'.repeat(25)}c:3\n`);
  await until(lists, 2);
  assert.deepEqual(lists[1], ['c:3']);
  assert.equal(warnings.length, 2 + 10 + 1);
  assert.equal(warnings.at(-1), `${file}: 15 more lines name no host`);
});

it('a file that cannot be read keeps the last list, and is told of once', async (t) => {
  const { file, lists, warnings } = await discovered(t, write('a:1\n'), 20);
  unlinkSync(file);
  await eventually('a warning', () => warnings.length > 0);
  mkdirSync(file);
  rmSync(file, { recursive: true });
  writeFileSync(file, 'b:2\n');
  await until(lists, 2);
  assert.deepEqual(lists, [['a:1'], ['b:2']]);
  assert.deepEqual(warnings, ['the list of hosts is gone; what was loaded stays']);
});

it('a file that is not there yet is waited for', async (t) => {
  const { file, lists, warnings } = await discovered(t, () => {}, never);
  assert.deepEqual([lists, warnings.length], [[], 1]);
  writeFileSync(file, 'a:1\n');
  await until(lists, 1);
  assert.deepEqual(lists, [['a:1']]);
});

it('an empty list is a list', async (t) => {
  const { file, lists } = await discovered(t, write('# nobody yet\n'), never);
  assert.deepEqual(lists, [[]]);
  writeFileSync(file, 'a:1\n');
  await until(lists, 2);
});
