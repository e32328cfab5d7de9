import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { LUA_DIRECTORY, loadScript } from '../../src/redis/lua-script-loader.ts';

const HEADER = '--[[\nDoes.\nKEYS none\nARGV none\nReply 1\n]]\n';

describe('the Lua script loader', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-lua-'));
    mkdirSync(join(dir, 'include'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const script = (text: string): void => writeFileSync(join(dir, 'main.lua'), HEADER + text);
  const include = (name: string, text: string): void => writeFileSync(join(dir, 'include', `${name}.lua`), text);

  it('pastes each include once, what it needs before it', () => {
    include('a', '--- @include "b"\nlocal a = b');
    include('b', 'local b = 1');
    script('--- @include "b"\n--- @include "a"\nreturn a');
    const { source } = loadScript('main', dir);
    assert.equal(source.match(/local b = 1/g)?.length, 1);
    assert.ok(source.indexOf('local b') < source.indexOf('local a'));
    assert.ok(!source.includes('@include'));
  });

  it('gives the SHA-1 that Redis computes', () => {
    script('return 1');
    const loaded = loadScript('main', dir);
    assert.equal(loaded.sha, createHash('sha1').update(loaded.source).digest('hex'));
  });

  it('refuses a script whose header does not say KEYS, ARGV and Reply', () => {
    writeFileSync(join(dir, 'main.lua'), '--[[ KEYS none, Reply 1 ]]\nreturn 1');
    assert.throws(() => loadScript('main', dir), { code: 'SLUICE_SCRIPT_INVALID', message: /main\.lua: .*ARGV/ });
  });

  it('names a missing include and an include that includes itself', () => {
    script('--- @include "gone"');
    assert.throws(() => loadScript('main', dir), { code: 'SLUICE_SCRIPT_INVALID', message: /gone\.lua: ENOENT/ });
    include('x', '--- @include "y"');
    include('y', '--- @include "x"');
    script('--- @include "x"');
    assert.throws(() => loadScript('main', dir), { message: /include "x" includes itself/ });
  });

  it('loads every script that ships', () => {
    const names = readdirSync(LUA_DIRECTORY).filter((file) => file.endsWith('.lua'));
    assert.ok(names.length >= 5);
    for (const name of names) loadScript(name.slice(0, -4));
  });
});
