import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dependenciesMatch, importDirections, noCycles } from './import-rules.ts';
import type { Tree, Violation } from './source-tree.ts';
import { readTree } from './source-tree.ts';
import {
  errorCodesMatchCatalogue,
  exitOnlyInMain,
  filesAreShort,
  luaScriptsAreDescribed,
  noEscapesFromTypes,
  timeAndChanceOnlyInCore,
} from './text-rules.ts';
import { noUnusedExports, noUnusedFiles } from './usage-rules.ts';

const tree = readTree(fileURLToPath(new URL('../..', import.meta.url)));

function holds(rule: (tree: Tree) => readonly Violation[]): () => void {
  return () => {
    const lines = rule(tree).map(({ file, line, rule: name, what }) => `${file}:${line}: ${what} [${name}]`);
    if (lines.length > 0) assert.fail(`${lines.length} breaches\n${lines.join('\n')}`);
  };
}

describe('the source tree', () => {
  it('is found', () => {
    assert.ok(tree.files.has('src/core/errors.ts'));
    assert.ok(tree.lua.size > 0);
    assert.ok(tree.dependencies.length > 0);
  });
  it('imports only in the allowed directions', holds(importDirections));
  it('has no import cycle', holds(noCycles));
  it('imports the packages it depends on, and no others', holds(dependenciesMatch));
  it(
    'has no unused file',
    holds((each) => noUnusedFiles(each)),
  );
  it(
    'has no unused export',
    holds((each) => noUnusedExports(each)),
  );
  it('reaches for time, timers and chance only in core', holds(timeAndChanceOnlyInCore));
  it('exits only in the entry point', holds(exitOnlyInMain));
  it('escapes no type', holds(noEscapesFromTypes));
  it('has short files', holds(filesAreShort));
  it('raises exactly the errors of the catalogue', holds(errorCodesMatchCatalogue));
  it('describes and uses every Lua script', holds(luaScriptsAreDescribed));
});
