import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../src/core/clock.ts';
import { systemClock } from '../../src/core/clock.ts';
import { FileWatcher } from '../../src/core/file-watcher.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';

interface Watched {
  readonly directory: string;
  readonly file: string;
  readonly seen: string[];
  readonly watcher: FileWatcher;
  readonly warnings: string[];
  /** Until `seen` holds so many. */
  until(count: number): Promise<void>;
}

async function watched(
  t: TestContext,
  {
    clock = systemClock,
    pollMs = 3_600_000,
    prepare,
  }: { clock?: Clock; pollMs?: number; prepare?: (directory: string) => void } = {},
): Promise<Watched> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-reload-'));
  const file = join(directory, 'sluice.yaml');
  if (prepare === undefined) writeFileSync(file, 'one');
  else prepare(directory);
  const seen: string[] = [];
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_fields: object, message: string) => warnings.push(message) };
  const watcher = new FileWatcher({
    file,
    subject: 'configuration file',
    text: 'one',
    clock,
    logger,
    pollMs,
    debounceMs: 5,
    onChange: (text) => {
      seen.push(text);
    },
  });
  t.after(async () => {
    await watcher.close();
    rmSync(directory, { recursive: true, force: true });
  });
  await watcher.start();
  const until = async (count: number): Promise<void> => {
    for (let i = 0; seen.length < count; i++) {
      if (i > 2_000) assert.fail(`saw ${JSON.stringify(seen)}, waited for ${count}`);
      await sleep(5);
    }
  };
  return { directory, file, seen, watcher, warnings, until };
}

test('a file that is written over is noticed', async (t) => {
  const { file, seen, until } = await watched(t);
  writeFileSync(file, 'two');
  await until(1);
  assert.deepEqual(seen, ['two']);
});

test('a file that an editor replaces by renaming is noticed, again and again', async (t) => {
  const { directory, file, seen, until } = await watched(t);
  for (const [i, text] of ['two', 'three', 'four'].entries()) {
    writeFileSync(join(directory, '.tmp'), text);
    renameSync(join(directory, '.tmp'), file);
    await until(i + 1);
  }
  assert.deepEqual(seen, ['two', 'three', 'four']);
});

/** As Kubernetes mounts a ConfigMap: sluice.yaml → ..data/sluice.yaml, ..data → ..version, and ..data is swapped. */
function configMap(directory: string, version: string, text: string): void {
  mkdirSync(join(directory, `..${version}`));
  writeFileSync(join(directory, `..${version}`, 'sluice.yaml'), text);
  symlinkSync(`..${version}`, join(directory, '..data_tmp'));
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
}

test('the symlink swap of a Kubernetes ConfigMap is noticed', async (t) => {
  const { directory, seen, until } = await watched(t, {
    prepare: (d) => {
      configMap(d, '2024_01', 'one');
      symlinkSync('..data/sluice.yaml', join(d, 'sluice.yaml'));
    },
  });
  configMap(directory, '2024_02', 'two');
  rmSync(join(directory, '..2024_01'), { recursive: true });
  await until(1);
  configMap(directory, '2024_03', 'three');
  await until(2);
  assert.deepEqual(seen, ['two', 'three']);
});

test('a file that is removed and comes back is noticed; that it was gone is said once', async (t) => {
  const { file, seen, warnings, watcher, until } = await watched(t);
  unlinkSync(file);
  await watcher.look();
  await watcher.look();
  assert.deepEqual([seen, warnings.length], [[], 1]);
  writeFileSync(file, 'two');
  await until(1);
  assert.deepEqual(seen, ['two']);
});

test('the same content is no change, however it got there', async (t) => {
  const { directory, file, seen, watcher, until } = await watched(t);
  writeFileSync(join(directory, '.tmp'), 'one');
  renameSync(join(directory, '.tmp'), file);
  unlinkSync(file);
  writeFileSync(file, 'one');
  await watcher.look();
  assert.deepEqual(seen, []);
  // Forth and back between two looks is no change either; forth alone is one.
  writeFileSync(file, 'two');
  await until(1);
  await watcher.look();
  assert.deepEqual(seen, ['two']);
});

test('a change between loading and watching is not lost', async (t) => {
  const { seen } = await watched(t, { prepare: (d) => writeFileSync(join(d, 'sluice.yaml'), 'newer') });
  assert.deepEqual(seen, ['newer']);
});

test('what the watch misses the poll finds, in its own time', async (t) => {
  const clock = new VirtualClock();
  const elsewhere = mkdtempSync(join(tmpdir(), 'sluice-target-'));
  t.after(() => rmSync(elsewhere, { recursive: true }));
  const target = join(elsewhere, 'real.yaml');
  const { seen, watcher, until } = await watched(t, {
    clock,
    pollMs: 5_000,
    prepare: (d) => {
      writeFileSync(target, 'one');
      symlinkSync(target, join(d, 'sluice.yaml'));
    },
  });
  writeFileSync(target, 'two');
  clock.advance(4_999);
  assert.deepEqual(seen, []);
  clock.advance(1);
  await until(1);
  assert.deepEqual(seen, ['two']);
  await watcher.close();
  writeFileSync(target, 'three');
  clock.advance(60_000);
  assert.deepEqual(seen, ['two']);
});

test('a directory that is replaced is watched anew', async (t) => {
  const { directory, file, seen, watcher, until } = await watched(t);
  renameSync(directory, `${directory}-old`);
  t.after(() => rmSync(`${directory}-old`, { recursive: true }));
  await watcher.look();
  mkdirSync(directory);
  writeFileSync(file, 'two');
  await watcher.look();
  assert.deepEqual(seen, ['two']);
  writeFileSync(file, 'three');
  await until(2);
  assert.deepEqual(seen, ['two', 'three']);
});

test('changes are handled one at a time, and one that fails does not end the watching', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-reload-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'c.yaml');
  writeFileSync(file, 'one');
  const events: string[] = [];
  const gate = Promise.withResolvers<void>();
  const watcher = new FileWatcher({
    file,
    subject: 'configuration file',
    text: 'one',
    clock: systemClock,
    logger: { ...silentLogger, error: () => events.push('error') },
    onChange: async (text) => {
      events.push(`begin ${text}`);
      await gate.promise;
      events.push(`end ${text}`);
      if (text === 'two') throw new Error('refused');
    },
  });
  t.after(() => watcher.close());
  await watcher.start();
  writeFileSync(file, 'two');
  const first = watcher.look();
  while (events.length === 0) await sleep(1);
  writeFileSync(file, 'three');
  const second = watcher.look();
  gate.resolve();
  await Promise.all([first, second]);
  assert.deepEqual(events, ['begin two', 'end two', 'error', 'begin three', 'end three']);
});
