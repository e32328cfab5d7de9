/**
 * Writes what is made from other files of the chart: values.schema.json, and the table of values in its README.
 *
 * usage: npm run chart
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { valuesSchema } from './values-schema.ts';
import { valueRows, valuesTable } from './values-table.ts';

const CHART = new URL('./sluice/', import.meta.url);
const TABLE = /(<!-- values: npm run chart -->\n)[\s\S]*(\n<!-- end of values -->)/;

/** Texts of the generated files, by their path in the chart. @throws Error when the chart's files are not as expected */
export function generated(): Readonly<Record<string, string>> {
  const rows = valueRows(readFileSync(new URL('values.yaml', CHART), 'utf8'));
  const schema = valuesSchema(new Map(rows.map(({ path, description }) => [path, description])));
  const readme = readFileSync(new URL('README.md', CHART), 'utf8');
  if (!TABLE.test(readme)) throw new Error('helm/sluice/README.md: has no place for the table of values');
  return {
    'values.schema.json': `${JSON.stringify(schema, undefined, 1)}\n`,
    'README.md': readme.replace(TABLE, (_all, start: string, end: string) => `${start}\n${valuesTable(rows)}\n${end}`),
  };
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  for (const [path, text] of Object.entries(generated())) writeFileSync(new URL(path, CHART), text);
}
