/** The pages of the documentation, taken apart as far as the tests need. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Block {
  /** What follows the opening fence: `yaml partial`, `sh`. */
  readonly info: string;
  readonly text: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

export interface Link {
  readonly target: string;
  readonly line: number;
}

export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  readonly blocks: readonly Block[];
  readonly links: readonly Link[];
  readonly anchors: ReadonlySet<string>;
  /** Rows of all tables, cells trimmed; header and rule rows left out. */
  readonly rows: readonly (readonly string[])[];
  readonly text: string;
}

const PLACES = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'bench/README.md',
  'helm/sluice/README.md',
];

/** Every page that users and contributors read. */
export function allPages(): readonly Page[] {
  const docs = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  return [...PLACES, ...docs.map((name) => `docs/${name}`)]
    .filter((path) => existsSync(join(ROOT, path)))
    .map(readPage);
}

export function readPage(path: string): Page {
  return parsePage(path, readFileSync(join(ROOT, path), 'utf8'));
}

export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const links: Link[] = [];
  const rows: string[][] = [];
  const anchors = new Set<string>();
  let open: { fence: string; indent: number; info: string; line: number; lines: string[] } | undefined;
  let tableRow = 0;
  text.split('\n').forEach((line, i) => {
    const fence = /^( *)(```+)(.*)$/.exec(line);
    if (open !== undefined) {
      if (fence?.[2] === open.fence && fence[3]?.trim() === '') {
        blocks.push({ info: open.info, text: `${open.lines.join('\n')}\n`, line: open.line });
        open = undefined;
      } else open.lines.push(line.slice(Math.min(open.indent, line.search(/\S|$/))));
      return;
    }
    if (fence !== null) {
      const [, indent = '', mark = '', info = ''] = fence;
      open = { fence: mark, indent: indent.length, info: info.trim(), line: i + 1, lines: [] };
      return;
    }
    const heading = /^#{1,6} (.+)$/.exec(line)?.[1];
    if (heading !== undefined) anchors.add(unique(slug(heading), anchors));
    for (const [, target = ''] of withoutCode(line).matchAll(/\]\(([^)\s]+)\)/g)) links.push({ target, line: i + 1 });
    tableRow = line.startsWith('|') ? tableRow + 1 : 0;
    if (tableRow > 2) rows.push(cellsOf(line));
  });
  return { path, blocks, links, anchors, rows, text };
}

/** Links may hold code, but what stands in code is no link. */
function withoutCode(line: string): string {
  return line.replace(/`[^`]*`/g, '`');
}

function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|\s*$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** How GitHub names a heading's anchor. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[^\p{L}\p{N}\- _]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function unique(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let n = 1; ; n++) if (!taken.has(`${name}-${n}`)) return `${name}-${n}`;
}

/** The text of a cell that is code: `` `listen` `` → `listen`; undefined when it is not. */
export function codeOf(cell: string | undefined): string | undefined {
  return /^`([^`]+)`$/.exec(cell ?? '')?.[1];
}
