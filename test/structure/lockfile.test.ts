import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>;
}

describe('package-lock.json', () => {
  // A lock file made where a registry lacks some platform's package leaves that package out, and `npm ci` then refuses
  // the whole file there: a fresh clone could not be installed.
  for (const file of ['package-lock.json', 'bench/package-lock.json']) {
    it(`names every optional dependency, whatever the platform: ${file}`, () => {
      const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
      const { packages } = JSON.parse(text) as Lockfile;
      const missing = Object.entries(packages).flatMap(([at, { optionalDependencies = {} }]) =>
        Object.keys(optionalDependencies).filter((name) => !isInstalledFor(packages, at, name)),
      );
      assert.deepEqual(missing, []);
    });
  }
});

/** Whether the package at `at` finds `name` in its own node_modules or in one above it. */
function isInstalledFor(packages: Lockfile['packages'], at: string, name: string): boolean {
  for (let folder = at; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const prefix = folder === '' ? '' : `${folder}/`;
    if (Object.hasOwn(packages, `${prefix}node_modules/${name}`)) return true;
    if (folder === '') return false;
  }
}
