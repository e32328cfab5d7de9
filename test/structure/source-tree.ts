/** The files that the structure rules look at, and what each imports and exports. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import type { SourceText } from './source-text.ts';
import { lineAt, scan } from './source-text.ts';

/** Texts by path from the root of the repository, with `/`. */
export type Texts = Readonly<Record<string, string>>;

export interface Violation {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  readonly what: string;
}

/** One `import`, `export … from`, `import()` or `new URL('./x.ts', import.meta.url)`. */
export interface Import {
  readonly line: number;
  /** As written; '' when it is not a literal. */
  readonly specifier: string;
  /** Path from the root for a file of ours, undefined for a package or a built-in module. */
  readonly target: string | undefined;
  readonly typeOnly: boolean;
  /** Names taken from the target; `*` is all of them. */
  readonly names: readonly string[];
}

export interface Export {
  readonly line: number;
  readonly name: string;
  readonly kind: 'type' | 'value' | 're-export';
}

export interface SourceFile {
  readonly path: string;
  readonly source: SourceText;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
}

export interface Tree {
  /** src/, by path. */
  readonly files: ReadonlyMap<string, SourceFile>;
  /** test/, bench/ and demo/: their imports tell what exists for them alone. */
  readonly tests: ReadonlyMap<string, SourceFile>;
  /** lua/, by path. */
  readonly lua: ReadonlyMap<string, string>;
  /** Names under `dependencies` of package.json. */
  readonly dependencies: readonly string[];
}

/** Reads the repository at `root`. */
export function readTree(root: string): Tree {
  const texts: Record<string, string> = {};
  for (const folder of ['src', 'test', 'bench', 'demo', 'lua']) {
    if (!existsSync(join(root, folder))) continue;
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || path.includes('/node_modules/') || !/\.(ts|lua)$/.test(path)) continue;
      texts[path.slice(join(root, '/').length)] = readFileSync(path, 'utf8');
    }
  }
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies?: object };
  return makeTree(texts, Object.keys(manifest.dependencies ?? {}));
}

export function makeTree(texts: Texts, dependencies: readonly string[] = []): Tree {
  const under = (pattern: RegExp): [string, string][] => Object.entries(texts).filter(([path]) => pattern.test(path));
  const parsed = (pattern: RegExp): Map<string, SourceFile> =>
    new Map(under(pattern).map(([path, text]) => [path, parse(path, text)]));
  return {
    files: parsed(/^src\/.*\.ts$/),
    tests: parsed(/^(test|bench|demo)\/.*\.ts$/),
    lua: new Map(under(/^lua\/.*\.lua$/)),
    dependencies,
  };
}

/** The folder under src/, or the file's own name for what lies in src/ itself. */
export function roomOf(path: string): string {
  return path.split('/')[1] ?? path;
}

const CLAUSE = String.raw`\*(?:\s*as\s+[\w$]+)?|\{[^}]*\}|[\w$]+(?:\s*,\s*(?:\{[^}]*\}|\*\s*as\s+[\w$]+))?`;
const FROM = new RegExp(String.raw`\b(import|export)\s+(type\s+)?(${CLAUSE})\s*from\s*['"]`, 'g');
const BARE = /\bimport\s*['"]/g;
const DYNAMIC = /(?:(?:const|let)\s*\{([^}]*)\}\s*=\s*await\s+)?(?<![.\w$])(?:import|require)\s*\(\s*(['"])?/g;
const MODULE_URL = /\bnew\s+URL\(\s*['"]/g;
const DECLARED =
  /^export\s+(?:declare\s+)?(?:(?:async\s+)?function\s*\*?|(?:abstract\s+)?class|const|let|var|(interface|type|enum))\s+(?!\{)([\w$]+)/gm;
const LISTED = /^export\s+(type\s+)?\{([^}]*)\}(\s*from\b)?/gm;

function parse(path: string, text: string): SourceFile {
  const source = scan(text);
  const { code } = source;
  const imports: Import[] = [];
  const add = (match: RegExpExecArray, typeOnly: boolean, names: readonly string[]): void => {
    const specifier = /['"]$/.test(match[0]) ? literalAt(text, match.index + match[0].length) : '';
    imports.push({
      line: lineAt(text, match.index),
      specifier,
      target: specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : undefined,
      typeOnly,
      names,
    });
  };
  for (const match of code.matchAll(FROM)) {
    const clause = match[3] ?? '';
    const specifiers =
      /\{([^}]*)\}/
        .exec(clause)?.[1]
        ?.split(',')
        .map((each) => each.trim())
        .filter(Boolean) ?? [];
    const everyIsType =
      specifiers.length > 0 && specifiers.every((each) => each.startsWith('type ')) && clause.startsWith('{');
    const names = clause.includes('*') ? ['*'] : specifiers.map((each) => nameBefore(each));
    if (/^[\w$]/.test(clause)) names.push('default');
    add(match, match[2] !== undefined || everyIsType, names);
  }
  for (const match of code.matchAll(BARE)) add(match, false, []);
  for (const match of code.matchAll(DYNAMIC)) {
    add(
      match,
      false,
      match[1] === undefined ? ['*'] : match[1].split(',').map((each) => each.split(':')[0]?.trim() ?? ''),
    );
  }
  for (const match of code.matchAll(MODULE_URL)) {
    if (literalAt(text, match.index + match[0].length).endsWith('.ts')) add(match, false, []);
  }
  return { path, source, imports, exports: parseExports(text, code) };
}

function parseExports(text: string, code: string): Export[] {
  const exports: Export[] = [];
  for (const match of code.matchAll(DECLARED)) {
    const kind = match[1] === 'interface' || match[1] === 'type' ? 'type' : 'value';
    exports.push({ line: lineAt(text, match.index), name: match[2] ?? '', kind });
  }
  for (const match of code.matchAll(LISTED)) {
    for (const each of (match[2] ?? '').split(',').map((part) => part.trim())) {
      if (each === '') continue;
      const kind = match[3] !== undefined ? 're-export' : match[1] !== undefined ? 'type' : 'value';
      exports.push({
        line: lineAt(text, match.index),
        name:
          each
            .split(/\s+as\s+/)
            .at(-1)
            ?.replace(/^type\s+/, '') ?? '',
        kind,
      });
    }
  }
  return exports;
}

/** `type a as b` → `a` */
function nameBefore(specifier: string): string {
  return specifier.replace(/^type\s+/, '').split(/\s+as\s+/)[0] ?? '';
}

/** The rest of a string literal whose first character is at `offset`. */
function literalAt(text: string, offset: number): string {
  return /^[^'"]*/.exec(text.slice(offset))?.[0] ?? '';
}
