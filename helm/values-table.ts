/** The values of the chart with their defaults and descriptions, out of the comments in values.yaml. */
import type { Pair, Scalar } from 'yaml';
import { isMap, isPair, isScalar, parseDocument } from 'yaml';

export interface ValueRow {
  /** `image.tag`. */
  readonly path: string;
  /** JSON. */
  readonly default: string;
  readonly description: string;
}

/**
 * One row for each value whose comment starts with `# --`.
 * @throws Error for a value that neither has such a comment nor values below it that have
 */
export function valueRows(text: string): readonly ValueRow[] {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) throw new Error('values.yaml: not a map');
  const rows = contents.items.flatMap((pair, i) => rowsOf(pair, '', i === 0 ? contents.commentBefore : undefined));
  return rows;
}

function rowsOf(pair: unknown, above: string, inherited: string | null | undefined): readonly ValueRow[] {
  if (!isPair(pair) || !isScalar(pair.key)) throw new Error(`values.yaml: ${above}: not a plain key`);
  const { key, value } = pair as Pair<Scalar, unknown>;
  const path = above === '' ? String(key.value) : `${above}.${String(key.value)}`;
  const description = /^ ?-- (.*)$/m.exec(key.commentBefore ?? inherited ?? '')?.[1];
  if (description !== undefined) return [{ path, default: JSON.stringify(plain(value)), description }];
  if (!isMap(value)) throw new Error(`values.yaml: ${path} has no description (a comment that starts with --)`);
  return value.items.flatMap((inner, i) => rowsOf(inner, path, i === 0 ? value.commentBefore : undefined));
}

function plain(value: unknown): unknown {
  return value !== null && typeof value === 'object' && 'toJSON' in value
    ? (value as { toJSON(): unknown }).toJSON()
    : value;
}

/** The rows as a Markdown table. */
export function valuesTable(rows: readonly ValueRow[]): string {
  const cell = (content: string): string => content.replaceAll('|', '\\|');
  const lines = rows.map((row) => `| \`${row.path}\` | \`${cell(row.default)}\` | ${cell(row.description)} |`);
  return ['| value | default | meaning |', '| --- | --- | --- |', ...lines].join('\n');
}
