/** Nothing lies around unused. */
import type { Export, SourceFile, Tree, Violation } from './source-tree.ts';

const ENTRY = 'src/main.ts';

/** Files, and exports as `file#name`, that tests need beside the real thing; each with its reason. */
const FOR_TESTS: Readonly<Record<string, string>> = {
  'src/core/virtual-clock.ts': 'the clock that tests and simulations hand in',
  'src/algorithms/concurrency.ts': 'the model that the Lua scripts are held equal to',
  'src/algorithms/concurrency.ts#Holders': 'the model that the Lua scripts are held equal to',
};

/** Every file under src/ is reached from the entry point. */
export function noUnusedFiles(tree: Tree, forTests = FOR_TESTS): Violation[] {
  const rule = 'no unused files';
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const { target } of tree.files.get(path)?.imports ?? []) {
      if (target !== undefined && tree.files.has(target)) visit(target);
    }
  };
  visit(ENTRY);
  const violations: Violation[] = [];
  for (const path of tree.files.keys()) {
    const excused = Object.hasOwn(forTests, path) && isImportedByTests(tree, path);
    if (!reached.has(path) && !excused) {
      violations.push({
        file: path,
        line: 1,
        rule,
        what: `nothing that ${ENTRY} imports, directly or not, imports it`,
      });
    }
  }
  for (const path of Object.keys(forTests).filter((each) => !each.includes('#'))) {
    if (tree.files.has(path) && !reached.has(path)) continue;
    const what = tree.files.has(path)
      ? 'is used by now: strike it from FOR_TESTS'
      : 'is gone: strike it from FOR_TESTS';
    violations.push({ file: path, line: 1, rule, what });
  }
  return violations;
}

/**
 * Every export is imported by another file of src/. A type may also just name a part of its own file's interface, and a
 * value that its own file uses may be exported for a test.
 */
export function noUnusedExports(tree: Tree, forTests = FOR_TESTS): Violation[] {
  const usedBySource = namesImported(tree.files);
  const usedByTests = namesImported(tree.tests);
  const violations: Violation[] = [];
  const fault = (file: SourceFile, { line }: Export, what: string): void =>
    void violations.push({ file: file.path, line, rule: 'no unused exports', what });
  for (const file of tree.files.values()) {
    if (Object.hasOwn(forTests, file.path)) continue;
    for (const exported of file.exports) {
      const isExcused = Object.hasOwn(forTests, `${file.path}#${exported.name}`);
      if (isNamed(usedBySource, file.path, exported.name)) {
        if (isExcused) fault(file, exported, `${exported.name} is used by now: strike it from FOR_TESTS`);
        continue;
      }
      const ownUse = isUsedInOwnFile(file, exported);
      if (exported.kind === 'type' && ownUse) continue;
      const testUse = isNamed(usedByTests, file.path, exported.name);
      if (testUse && (ownUse || isExcused)) continue;
      fault(
        file,
        exported,
        `${exported.name} is ${testUse ? 'used by tests alone' : 'exported, but nobody imports it'}`,
      );
    }
  }
  return violations;
}

function isUsedInOwnFile(file: SourceFile, { name, kind }: Export): boolean {
  if (kind === 're-export') return false;
  // A name after a dot is a property, after three it is spread.
  const mention = new RegExp(String.raw`(?<![\w$#]|(?<!\.\.)\.)${name.replaceAll('$', String.raw`\$`)}(?![\w$])`, 'g');
  return [...file.source.code.matchAll(mention)].length > 1;
}

function isImportedByTests(tree: Tree, path: string): boolean {
  return [...tree.tests.values()].some((file) => file.imports.some(({ target }) => target === path));
}

/** `path#name` of everything imported from another file. */
function namesImported(files: ReadonlyMap<string, SourceFile>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const file of files.values()) {
    for (const wanted of file.imports) for (const name of wanted.names) names.add(`${wanted.target}#${name}`);
  }
  return names;
}

function isNamed(used: ReadonlySet<string>, path: string, name: string): boolean {
  return used.has(`${path}#${name}`) || used.has(`${path}#*`);
}
