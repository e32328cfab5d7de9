import type { Board } from './board.ts';
import { build } from './board.ts';
import { limits } from './limits.ts';
import { overview } from './overview.ts';
import { stores } from './stores.ts';
import { tradeOffs } from './trade-offs.ts';

export const BOARDS: readonly Board[] = [overview, limits, tradeOffs, stores];

/** Where each dashboard lies, and what is in it. */
export function dashboardFiles(): { readonly path: URL; readonly text: string }[] {
  return BOARDS.map((board) => ({
    path: new URL(`../helm/sluice/dashboards/${board.uid}.json`, import.meta.url),
    text: `${JSON.stringify(build(board), undefined, 2)}\n`,
  }));
}
