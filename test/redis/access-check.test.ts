import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { StoreError } from '../../src/core/errors.ts';
import { checkAccess } from '../../src/redis/access-check.ts';
import { keyLayout } from '../../src/redis/keys.ts';
import { LUA_DIRECTORY, loadScript } from '../../src/redis/lua-script-loader.ts';
import type { ScriptRunner } from '../../src/redis/script-runner.ts';

const script = loadScript('permissions');
const keys = keyLayout('team');

/** Servers that share the slots in turn, and what each answers. */
function runnerOf(answers: Readonly<Record<string, () => unknown>>): ScriptRunner {
  const servers = Object.keys(answers);
  const slotOf = (key: string): number => Number(key.split(':').at(-1));
  return {
    slotOf,
    serverOf: (slot) => servers[slot % servers.length],
    run: async (_script, [key = '']) => answers[servers[slotOf(key) % servers.length] ?? '']?.(),
    together: (send) => send(),
  };
}

const fine = (): unknown => [[], []];
const away = (): never => {
  throw new StoreError('SLUICE_STORE_CONNECTION', 'redis: connect ECONNREFUSED');
};
const check = (answers: Readonly<Record<string, () => unknown>>): Promise<void> =>
  checkAccess({ runner: runnerOf(answers), script, keys });

describe('the check of what Redis lets us do', () => {
  it('tries every command that a script calls', () => {
    const called = (text: string): string[] =>
      [...text.matchAll(/\b(?:p?call|try)\('([A-Z]+)'/g)].map(([, name = '']) => name);
    const tried = new Set(called(script.source));
    const needed = new Set(
      ['.', 'include'].flatMap((directory) =>
        readdirSync(join(LUA_DIRECTORY, directory))
          .filter((name) => name.endsWith('.lua'))
          .flatMap((name) => called(readFileSync(join(LUA_DIRECTORY, directory, name), 'utf8'))),
      ),
    );
    assert.ok(needed.size > 10);
    assert.deepEqual([...tried].sort(), [...needed].sort());
  });

  it('passes when everything is allowed, and when nobody can be asked', async () => {
    await check({ a: fine });
    await check({ a: away, b: fine });
  });

  it('names what to grant, and the server where there are several', async () => {
    await assert.rejects(check({ a: () => [['GET', 'PEXPIRE', 'PEXPIRE'], []] }), {
      code: 'SLUICE_STORE_REFUSED',
      message: 'redis: it does not let the user run get, pexpire (NOPERM): grant +get +pexpire, see docs/redis.md',
    });
    await assert.rejects(check({ a: fine, b: () => [[], ['SET']], c: away }), {
      message: 'redis: b: it does not let the user touch keys by set (NOPERM): grant ~team:*, see docs/redis.md',
    });
  });
});
