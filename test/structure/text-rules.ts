/** What may not be written, and where. */
import { lineAt } from './source-text.ts';
import type { SourceFile, Tree, Violation } from './source-tree.ts';
import { roomOf } from './source-tree.ts';

const MAX_LINES = 320;
const CATALOGUE = 'src/core/errors.ts';

/** Ways to reach for time, timers or chance. Code outside core/ gets a Clock or a Random handed in. */
const AMBIENT: readonly RegExp[] = [
  /\bDate\s*\.\s*now\b/g,
  /\bnew\s+Date\s*(?:\(\s*\)|(?=[;,)\]}]))/g,
  /(?<![.\w$#])(?<!\bnew\s+)Date\s*\(\s*\)/g,
  /(?:(?<![.\w$#])|\bglobalThis\s*\.\s*)set(?:Timeout|Interval|Immediate)\b/g,
  /\bperformance\s*\.\s*now\b/g,
  /\bprocess\s*\.\s*hrtime\b/g,
  /\bMath\s*\.\s*random\b/g,
  /\bAbortSignal\s*\.\s*timeout\b/g,
  /(?<![\w$#])random(?:Bytes|UUID|Int|FillSync)\b|\bgetRandomValues\b/g,
];
const AMBIENT_MODULE = /^(node:)?(timers|perf_hooks)(\/|$)/;

export function timeAndChanceOnlyInCore(tree: Tree): Violation[] {
  const rule = 'time, timers and randomness only in src/core/';
  const violations: Violation[] = [];
  for (const file of outside(tree, 'core')) {
    violations.push(
      ...find(file, file.source.code, AMBIENT, rule, (text) => `${text}: take a Clock or a Random instead`),
    );
    for (const { specifier, line } of file.imports) {
      if (AMBIENT_MODULE.test(specifier))
        violations.push({ file: file.path, line, rule, what: `imports ${specifier}` });
    }
  }
  return violations;
}

export function exitOnlyInMain(tree: Tree): Violation[] {
  const rule = 'process.exit only in src/main.ts';
  const violations: Violation[] = [];
  for (const file of outside(tree, 'main.ts')) {
    violations.push(
      ...find(file, file.source.code, [/\bprocess\s*\.\s*(?:exit|reallyExit|abort|kill)\b(?!Code)/g], rule),
    );
    for (const { specifier, names, line } of file.imports) {
      if (!/^(node:)?process$/.test(specifier) || !names.some((name) => ['exit', 'abort', 'kill'].includes(name)))
        continue;
      violations.push({ file: file.path, line, rule, what: `imports ${names.join(', ')} from ${specifier}` });
    }
  }
  return violations;
}

export function noEscapesFromTypes(tree: Tree): Violation[] {
  const rule = 'no any, no silenced compiler';
  return [...tree.files.values()].flatMap((file) => [
    ...find(file, file.source.code, [/(?<![.\w$#])any\b(?!\s*[:(.?=])/g, /(?<=[<(:|&,]\s*)any\b(?=\s*=)/g], rule),
    ...find(file, file.source.text, [/@ts-(?:ignore|nocheck|expect-error)\b/g], rule),
  ]);
}

export function filesAreShort(tree: Tree): Violation[] {
  const texts = [...[...tree.files.values()].map((file) => [file.path, file.source.text] as const), ...tree.lua];
  return texts.flatMap(([file, text]) => {
    const lines = text.replace(/\n$/, '').split('\n').length;
    if (lines <= MAX_LINES) return [];
    return [{ file, line: MAX_LINES + 1, rule: 'one idea a file', what: `${lines} lines, more than ${MAX_LINES}` }];
  });
}

/** Errors carry codes of the catalogue, and the catalogue holds no code that nothing raises. */
export function errorCodesMatchCatalogue(tree: Tree): Violation[] {
  const rule = 'error codes are those of the catalogue';
  const catalogue = tree.files.get(CATALOGUE);
  if (catalogue === undefined) return [{ file: CATALOGUE, line: 1, rule, what: 'there is no catalogue' }];
  const codes = new Map<string, number>();
  for (const match of catalogue.source.code.matchAll(/^ {2}(SLUICE_[A-Z0-9_]+):/gm)) {
    codes.set(match[1] ?? '', lineAt(catalogue.source.text, match.index));
  }
  const raised = new Set<string>();
  const violations: Violation[] = [];
  for (const file of tree.files.values()) {
    if (file.path === CATALOGUE) continue;
    const text = file.source.withoutComments;
    for (const match of text.matchAll(/['"](SLUICE_[A-Z0-9_]+)['"]/g)) raised.add(match[1] ?? '');
    for (const match of text.matchAll(/\b(?:new\s+\w*Error|super)\s*\(\s*['"](SLUICE_[A-Z0-9_]+)['"]/g)) {
      const code = match[1] ?? '';
      if (codes.has(code)) continue;
      violations.push({
        file: file.path,
        line: lineAt(text, match.index),
        rule,
        what: `${code} is not in ${CATALOGUE}`,
      });
    }
  }
  const all = [...tree.files.values()].map((file) => file.source.withoutComments).join('\n');
  for (const [, name = '', code = ''] of catalogue.source.withoutComments.matchAll(
    /class (\w+) extends \w+ \{[^}]*?super\('(SLUICE_[A-Z0-9_]+)'/g,
  )) {
    // A class that brings its code is raised by its name.
    if (new RegExp(`new ${name}\\(`).test(all)) raised.add(code);
  }
  for (const [code, line] of codes) {
    if (!raised.has(code)) violations.push({ file: CATALOGUE, line, rule, what: `nothing raises ${code}` });
  }
  return violations;
}

/** Every script says what it takes and answers, and is loaded by somebody; every include too. */
export function luaScriptsAreDescribed(tree: Tree): Violation[] {
  const rule = 'Lua scripts are described and used';
  const violations: Violation[] = [];
  const sources = [...tree.files.values()].map((file) => file.source.withoutComments).join('\n');
  const scripts = [...tree.lua.values()].join('\n');
  for (const [file, text] of tree.lua) {
    const name = file.replace(/^.*\//, '').replace(/\.lua$/, '');
    const fault = (what: string): void => void violations.push({ file, line: 1, rule, what });
    if (file.startsWith('lua/include/')) {
      if (
        !text
          .replaceAll(/^--- @include .*$/gm, '')
          .trimStart()
          .startsWith('--')
      )
        fault('has no comment at its head that says what it is for');
      if (!scripts.includes(`@include "${name}"`)) fault('no script includes it');
      continue;
    }
    const header = /^--\[\[(.*?)\]\]/s.exec(text)?.[1] ?? '';
    for (const word of ['KEYS', 'ARGV', 'Reply']) {
      if (!header.includes(word)) fault(`its header comment does not say what ${word} is`);
    }
    if (!sources.includes(`'${name}'`)) fault(`no file of src/ loads '${name}'`);
  }
  return violations;
}

function outside(tree: Tree, room: string): SourceFile[] {
  return [...tree.files.values()].filter((file) => roomOf(file.path) !== room);
}

function find(
  file: SourceFile,
  view: string,
  patterns: readonly RegExp[],
  rule: string,
  describe: (text: string) => string = (text) => text,
): Violation[] {
  return patterns.flatMap((pattern) =>
    [...view.matchAll(pattern)].map((match) => ({
      file: file.path,
      line: lineAt(view, match.index),
      rule,
      what: describe(match[0].trim()),
    })),
  );
}
