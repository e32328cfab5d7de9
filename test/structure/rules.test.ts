/** The rules themselves: each is fed a small tree that breaks it, and must say so at the right place. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dependenciesMatch, importDirections, noCycles } from './import-rules.ts';
import { scan } from './source-text.ts';
import type { Texts, Tree, Violation } from './source-tree.ts';
import { makeTree } from './source-tree.ts';
import {
  errorCodesMatchCatalogue,
  exitOnlyInMain,
  filesAreShort,
  luaScriptsAreDescribed,
  noEscapesFromTypes,
  timeAndChanceOnlyInCore,
} from './text-rules.ts';
import { noUnusedExports, noUnusedFiles } from './usage-rules.ts';

type Rule = (tree: Tree) => readonly Violation[];

/** `file:line` of every complaint. */
function places(rule: Rule, texts: Texts, dependencies: readonly string[] = []): string[] {
  return rule(makeTree(texts, dependencies)).map(({ file, line }) => `${file}:${line}`);
}

describe('the scanner', () => {
  const code = (text: string): string => scan(text).code.replaceAll(/\s+/g, ' ').trim();

  it('blanks comments, strings and regular expressions, and keeps offsets', () => {
    const text = "const a = 'Date.now()'; // Date.now()\nconst b = /Date.now['\"]/.test(x) / 2; /* any */";
    const { code: view, withoutComments } = scan(text);
    assert.equal(view.length, text.length);
    assert.ok(!view.includes('now') && !view.includes('any'));
    assert.ok(withoutComments.includes("'Date.now()'"));
    assert.equal(view.split('\n').length, 2);
    assert.ok(view.includes('.test(x) / 2;'));
  });

  it('keeps the code inside templates, however deep', () => {
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: placeholders are what the scanner is fed
    assert.equal(code('`any ${f({ a: `x ${Date.now()} any` })} any`;'), '` ${f({ a: ` ${Date.now()} ` })} `;');
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above
  });

  it('tells division from a regular expression', () => {
    assert.equal(code('const r = a / b / c; return /any/;'), 'const r = a / b / c; return / /;');
    assert.equal(code("x = (1 + 2) / 'a'.length; y = [/[/']any/g];"), "x = (1 + 2) / ' '.length; y = [/ /g];");
  });
});

describe('import directions', () => {
  const ok: Texts = {
    'src/main.ts': "import { app } from './app.ts';\n",
    'src/app.ts': "import { proxy } from './proxy/proxy.ts';\nimport { pino } from 'pino';\n",
    'src/proxy/proxy.ts':
      "import { limit } from '../limiter/limit.ts';\nimport { Pool } from 'undici';\nimport http from 'node:http';\n",
    'src/limiter/limit.ts':
      "import type { Policy } from '../algorithms/algorithm.ts';\nimport { s } from '../sharing/strategy.ts';\nimport type { C } from '../config/types.ts';\n",
    'src/algorithms/algorithm.ts': '',
    'src/sharing/strategy.ts': '',
    'src/config/types.ts': '',
    'src/sharing/redis-batch.ts': "import { r } from '../redis/keys.ts';\n",
    'src/redis/keys.ts': "import { c } from '../core/errors.ts';\nimport { Redis } from 'ioredis';\n",
    'src/core/errors.ts': '',
  };

  it('lets the allowed ones pass', () => assert.deepEqual(places(importDirections, ok), []));

  const bad: readonly (readonly [string, string, string])[] = [
    ['core importing a room', 'src/core/x.ts', "import { a } from '../redis/keys.ts';"],
    ['a strategy other than redis importing redis', 'src/sharing/local.ts', "import { a } from '../redis/keys.ts';"],
    ['the proxy importing redis', 'src/proxy/x.ts', "import { a } from '../redis/keys.ts';"],
    ['the proxy importing config types', 'src/proxy/x.ts', "import type { C } from '../config/types.ts';"],
    ['a re-export', 'src/proxy/x.ts', "export * from '../redis/keys.ts';"],
    ['a re-export of names', 'src/proxy/x.ts', "export { a, b as c } from '../redis/keys.ts';"],
    ['a dynamic import', 'src/proxy/x.ts', "const a = await import('../redis/keys.ts');"],
    ['a type by import()', 'src/proxy/x.ts', "let a: import('../redis/keys.ts').A;"],
    ['a bare import', 'src/proxy/x.ts', "import '../redis/keys.ts';"],
    ['a worker by URL', 'src/proxy/x.ts', "new Worker(new URL('../redis/keys.ts', import.meta.url));"],
    ['an import over several lines', 'src/proxy/x.ts', "import {\n  a,\n  b,\n} from '../redis/keys.ts';"],
    ['a computed import', 'src/proxy/x.ts', 'await import(name);'],
    [
      'the limiter importing values of an algorithm',
      'src/limiter/x.ts',
      "import { a } from '../algorithms/algorithm.ts';",
    ],
    [
      'the limiter importing types of another algorithm',
      'src/limiter/x.ts',
      "import type { a } from '../algorithms/bucket.ts';",
    ],
    ['the limiter importing a strategy', 'src/limiter/x.ts', "import { a } from '../sharing/redis-batch.ts';"],
    ['a room importing the composition root', 'src/admin/x.ts', "import { app } from '../app.ts';"],
    ['a folder that is in no table', 'src/misc/x.ts', "import { a } from '../core/errors.ts';"],
    ['a file that is not there', 'src/proxy/x.ts', "import { a } from '../limiter/gone.ts';"],
    ['the proxy knowing ioredis', 'src/proxy/x.ts', "import { Redis } from 'ioredis';"],
    ['the limiter knowing HTTP', 'src/limiter/x.ts', "import { request } from 'node:http';"],
    ['an algorithm knowing any place', 'src/algorithms/x.ts', "import { readFileSync } from 'node:fs';"],
  ];
  for (const [what, path, text] of bad) {
    it(`catches ${what}`, () => {
      const texts = { ...ok, 'src/algorithms/bucket.ts': '', [path]: `\n${text}\n` };
      assert.deepEqual(places(importDirections, texts), [`${path}:2`]);
    });
  }

  it('ignores imports in comments and strings', () => {
    const text = "// import { a } from '../redis/keys.ts';\nconst s = \"import { a } from '../redis/keys.ts'\";\n";
    assert.deepEqual(places(importDirections, { ...ok, 'src/proxy/x.ts': text }), []);
  });
});

describe('no cycles', () => {
  it('names the whole circle', () => {
    const tree = makeTree({
      'src/core/a.ts': "import './b.ts';",
      'src/core/b.ts': "import type { C } from './c.ts';",
      'src/core/c.ts': "\nexport { a } from './a.ts';",
      'src/core/d.ts': "import './a.ts';",
    });
    assert.deepEqual(noCycles(tree), [
      {
        file: 'src/core/c.ts',
        line: 2,
        rule: 'no import cycles',
        what: 'src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts',
      },
    ]);
  });

  it('lets a diamond pass', () => {
    const texts = {
      'src/a.ts': "import './b.ts';\nimport './c.ts';",
      'src/b.ts': "import './d.ts';",
      'src/c.ts': "import './d.ts';",
      'src/d.ts': '',
    };
    assert.deepEqual(places(noCycles, texts), []);
  });
});

describe('dependencies', () => {
  it('must be listed when imported and imported when listed', () => {
    const texts = { 'src/main.ts': "import 'a/sub';\nimport '@s/b/sub';\nimport 'node:fs';\nimport './x.ts';\n" };
    assert.deepEqual(places(dependenciesMatch, texts, ['a', 'c']), ['src/main.ts:2', 'package.json:1']);
  });
});

describe('no unused files', () => {
  const rule: Rule = (tree) => noUnusedFiles(tree, { 'src/core/fake.ts': 'for tests' });
  const texts: Texts = {
    'src/main.ts': "import('./a.ts');",
    'src/a.ts': "export { b } from './b.ts';",
    'src/b.ts': '',
    'src/core/fake.ts': '',
    'test/x.test.ts': "import { fake } from '../src/core/fake.ts';",
  };

  it('follows every kind of import', () => assert.deepEqual(places(rule, texts), []));
  it('catches files that only each other or a test imports', () => {
    const more = {
      ...texts,
      'src/c.ts': "import './d.ts';",
      'src/d.ts': '',
      'test/c.test.ts': "import '../src/c.ts';",
    };
    assert.deepEqual(places(rule, more), ['src/c.ts:1', 'src/d.ts:1']);
  });
  it('catches an excuse that is out of date', () => {
    assert.deepEqual(places(rule, { ...texts, 'src/b.ts': "import './core/fake.ts';" }), ['src/core/fake.ts:1']);
    const { 'src/core/fake.ts': _gone, ...rest } = texts;
    assert.deepEqual(places(rule, rest), ['src/core/fake.ts:1']);
  });
});

describe('no unused exports', () => {
  const rule: Rule = (tree) => noUnusedExports(tree, {});
  const check = (lib: string, user: string, test = ''): string[] =>
    places(rule, { 'src/lib.ts': lib, 'src/main.ts': user, 'test/lib.test.ts': test });

  it('accepts what another file imports, by any form', () => {
    const lib =
      'export const a = 1;\nexport function b() {}\nexport class C {}\nexport interface D {}\nexport async function* e() {}\n';
    assert.deepEqual(
      check(
        lib,
        "import { a, b as x } from './lib.ts';\nimport type { C, D } from './lib.ts';\nexport const { e } = await import('./lib.ts');",
      ),
      [],
    );
    assert.deepEqual(check(lib, "import * as lib from './lib.ts';"), []);
  });
  it('catches what nobody imports', () => {
    assert.deepEqual(
      check('export const a = 1;\nexport const b = a;\nconst c = 1;\nexport { c };\n', "import { a } from './lib.ts';"),
      ['src/lib.ts:2', 'src/lib.ts:4'],
    );
  });
  it('accepts a type that names part of its own file, not one that nothing names', () => {
    assert.deepEqual(check('export interface A {}\nexport interface B { a: A }\n', ''), ['src/lib.ts:2']);
  });
  it('accepts a named excuse until it is out of date', () => {
    const excused: Rule = (tree) => noUnusedExports(tree, { 'src/lib.ts#a': 'for tests' });
    const lib = { 'src/lib.ts': 'export const a = 1;', 'test/x.ts': "import { a } from '../src/lib.ts';" };
    assert.deepEqual(places(excused, lib), []);
    assert.deepEqual(places(excused, { ...lib, 'test/x.ts': '' }), ['src/lib.ts:1']);
    assert.deepEqual(places(excused, { ...lib, 'src/x.ts': "import { a } from './lib.ts';" }), ['src/lib.ts:1']);
  });
  it('accepts a value exported for a test only when its own file uses it', () => {
    const test = "import { a, b } from '../src/lib.ts';";
    assert.deepEqual(check('export const a = 1;\nexport const b = 2;\nf(...a, x.b);\n', '', test), ['src/lib.ts:2']);
  });
});

describe('time and chance', () => {
  const caught = [
    'const t = Date.now();',
    'const t = new Date();',
    'const t = new Date;',
    'setTimeout(f, 1);',
    'globalThis.setInterval(f, 1);',
    'const later = setImmediate;',
    'performance.now();',
    'process.hrtime.bigint();',
    'Math.random();',
    'AbortSignal.timeout(5);',
    'crypto.randomUUID();',
    "import { setTimeout as sleep } from 'node:timers/promises';",
  ];
  for (const line of caught) {
    it(`catches ${line}`, () => {
      const found = new Set(places(timeAndChanceOnlyInCore, { 'src/proxy/x.ts': `\n${line}\n` }));
      assert.deepEqual([...found], ['src/proxy/x.ts:2']);
      assert.deepEqual(places(timeAndChanceOnlyInCore, { 'src/core/x.ts': line }), []);
    });
  }
  for (const line of [
    'socket.setTimeout(5);',
    'new Date(0);',
    'new Date(ms).toISOString();',
    "// Date.now()\n'Math.random()';",
  ]) {
    it(`lets ${line} pass`, () => assert.deepEqual(places(timeAndChanceOnlyInCore, { 'src/proxy/x.ts': line }), []));
  }
});

describe('the other texts', () => {
  it('may exit only in main.ts', () => {
    const text = "process.exitCode = 1;\nprocess.exit(1);\nimport { exit } from 'node:process';\n";
    assert.deepEqual(places(exitOnlyInMain, { 'src/app.ts': text, 'src/main.ts': text }), [
      'src/app.ts:2',
      'src/app.ts:3',
    ]);
  });

  it('may not escape from types', () => {
    const text =
      'let a: any;\nlet b = c as any;\nlet d: Array<any>;\nPromise.any([]);\nlet e: { any: string };\n// @ts-ignore\nlet f: any = 1;\nlet many: any[];\n';
    const lines = places(noEscapesFromTypes, { 'src/x.ts': text });
    assert.deepEqual(
      lines.toSorted(),
      [1, 2, 3, 6, 7, 8].map((line) => `src/x.ts:${line}`),
    );
  });

  it('may not be long', () => {
    const texts = { 'src/a.ts': 'x\n'.repeat(321), 'src/b.ts': 'x\n'.repeat(320), 'lua/c.lua': 'x\n'.repeat(400) };
    assert.deepEqual(places(filesAreShort, texts), ['src/a.ts:321', 'lua/c.lua:321']);
  });

  it('must raise the errors of the catalogue', () => {
    const texts = {
      'src/core/errors.ts': 'const C = {\n  SLUICE_A: {},\n  SLUICE_B: {},\n  SLUICE_C: {},\n};\n',
      'src/x.ts':
        "throw new SluiceError('SLUICE_A', '');\nthrow new StoreError(\n  'SLUICE_Z', '');\n// 'SLUICE_B'\nfail('SLUICE_C');\nprocess.env['SLUICE_URL'];\n",
    };
    assert.deepEqual(places(errorCodesMatchCatalogue, texts), ['src/x.ts:2', 'src/core/errors.ts:3']);
  });

  it('must describe and use Lua scripts', () => {
    const header = '--[[\nKEYS\nARGV\nReply\n]]\n';
    const texts = {
      'src/x.ts': "load('good'); load('bad');",
      'lua/good.lua': `${header}--- @include "shared"\n`,
      'lua/bad.lua': '--[[ KEYS, ARGV ]]\n',
      'lua/lonely.lua': header,
      'lua/include/shared.lua': '-- Shared.\n',
      'lua/include/lonely.lua': '--- @include "shared"\nlocal x\n',
    };
    assert.deepEqual(places(luaScriptsAreDescribed, texts), [
      'lua/bad.lua:1',
      'lua/lonely.lua:1',
      'lua/include/lonely.lua:1',
      'lua/include/lonely.lua:1',
    ]);
  });
});
