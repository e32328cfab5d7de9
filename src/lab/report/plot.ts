/** What a plot of the page consists of, and how its rows are chosen. */

import { HEIGHT, WIDTH } from './frame.ts';
import { byWay } from './marks.ts';
import type { Measured, ReportRow, Source } from './model.ts';
import { numberOf } from './model.ts';
import { element, escapeText } from './svg.ts';

export interface Plot {
  /** Of the figure on the page. */
  readonly id: string;
  readonly title: string;
  /** What is shown, of which rows, and what is not. */
  readonly caption: string;
  /** SVG; undefined: no row has data for it. */
  readonly picture: string | undefined;
  /** What its legend lists. */
  readonly keys: readonly { readonly way: string; readonly source: Source }[];
}

/** @param height of the picture, when it is not like the others */
export function picture(id: string, title: string, caption: string, drawing: string, height = HEIGHT): string {
  const texts = `<title id="${id}-title">${escapeText(title)}</title><desc id="${id}-desc">${escapeText(caption)}</desc>`;
  return element(
    'svg',
    {
      viewBox: `0 0 ${WIDTH} ${height}`,
      role: 'img',
      'aria-labelledby': `${id}-title`,
      'aria-describedby': `${id}-desc`,
    },
    texts + drawing,
  );
}

export function keysOf(rows: readonly ReportRow[]): Plot['keys'] {
  return byWay(rows).flatMap(({ way, rows: own }) =>
    [...new Set(own.map((row) => row.source))].map((source) => ({ way, source })),
  );
}

export function has(row: ReportRow, name: Measured): boolean {
  return numberOf(row, name) !== null;
}

/** The hosts of which most rows have what is asked for; of several the largest. */
export function hostsWithMost(rows: readonly ReportRow[], weigh: (rows: readonly ReportRow[]) => number): number {
  let [best, most] = [0, -1];
  for (const hosts of [...new Set(rows.map((row) => row.hosts))].sort((a, b) => a - b)) {
    const weight = weigh(rows.filter((row) => row.hosts === hosts));
    if (weight >= most) [best, most] = [hosts, weight];
  }
  return best;
}

/**
 * Rows of the interval that the scenario runs with; when there are none, of the one that most rows have. Of a way that was run with a
 * single interval all rows: it does not depend on it.
 */
export function atUsualInterval(rows: readonly ReportRow[], usual: number): readonly ReportRow[] {
  const counts = new Map<number, number>();
  const intervals = new Map<string, Set<number>>();
  for (const { sharing, source, intervalSeconds } of rows) {
    counts.set(intervalSeconds, (counts.get(intervalSeconds) ?? 0) + 1);
    const own = intervals.get(`${source} ${sharing}`) ?? new Set();
    intervals.set(`${source} ${sharing}`, own.add(intervalSeconds));
  }
  const [most] = [...counts].sort(([a, m], [b, n]) => n - m || a - b);
  const chosen = counts.has(usual) ? usual : most?.[0];
  return rows.filter(
    ({ sharing, source, intervalSeconds }) =>
      intervalSeconds === chosen || intervals.get(`${source} ${sharing}`)?.size === 1,
  );
}

export function distinctWays(rows: readonly ReportRow[]): number {
  return new Set(rows.map((row) => row.sharing)).size;
}

export function hostsText(hosts: number): string {
  return hosts === 1 ? '1 host' : `${hosts} hosts`;
}
