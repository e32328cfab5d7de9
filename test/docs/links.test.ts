import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import type { Page } from './markdown.ts';
import { allPages, parsePage, ROOT, readPage } from './markdown.ts';

/** Files that pages name and that are the reader's own. */
const OUTSIDE = ['sluice.yaml'];

/** What is wrong with a link, undefined when nothing is. Links to other sites are not followed. */
function faultOf(page: Page, target: string): string | undefined {
  if (/^[a-z]+:/.test(target)) return /^(https|http:\/\/127\.0\.0\.1)/.test(target) ? undefined : 'not a https link';
  const [path = '', anchor] = target.split('#', 2);
  const file = path === '' ? page.path : relative(ROOT, join(ROOT, dirname(page.path), path));
  if (file.startsWith('..')) return 'leads out of the repository';
  if (!existsSync(join(ROOT, file))) return 'there is no such file';
  if (anchor === undefined) return undefined;
  const { anchors } = file === page.path ? page : readPage(file);
  return anchors.has(anchor) ? undefined : `${file} has no heading for #${anchor}`;
}

function faults(page: Page): string[] {
  return page.links.flatMap(({ target, line }) => {
    const fault = faultOf(page, target);
    return fault === undefined ? [] : [`${page.path}:${line}: ${target}: ${fault}`];
  });
}

describe('links of the documentation', () => {
  it('lead to files and headings that exist', () => {
    const pages = allPages();
    assert.ok(pages.length > 5);
    assert.deepEqual(pages.flatMap(faults), []);
  });

  it('are found broken when they are', () => {
    const text =
      '# A title\n[a](nowhere.md) [b](#a-title) [c](#another)\n```\n[d](in-code)\n```\n`[e](x)` [f](ftp://x)\n';
    assert.deepEqual(faults(parsePage('README.md', text)), [
      'README.md:2: nowhere.md: there is no such file',
      'README.md:2: #another: README.md has no heading for #another',
      'README.md:6: ftp://x: not a https link',
    ]);
  });

  it('name files that exist, where a page names one in code', () => {
    const sources = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter(
      (path) => !/^(node_modules|\.git|dist)\//.test(path),
    );
    const faults = allPages().flatMap(({ path, text }) =>
      [...text.matchAll(/`([\w./-]+\.(?:ts|lua|yaml|md))`/g)]
        .map(([, name = '']) => name)
        .filter(
          (name) => !OUTSIDE.includes(name) && !sources.some((each) => each === name || each.endsWith(`/${name}`)),
        )
        .map((name) => `${path}: ${name}`),
    );
    assert.deepEqual(faults, []);
  });

  it('reach every page from the index', () => {
    const index = readPage('docs/README.md').links.map(({ target }) => target.split('#')[0]);
    const missing = allPages()
      .map(({ path }) => path)
      .filter((path) => path.startsWith('docs/') && path !== 'docs/README.md')
      .filter((path) => !index.includes(path.slice('docs/'.length)));
    assert.deepEqual(missing, []);
  });
});
