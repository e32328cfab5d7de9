import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { BOARDS, dashboardFiles } from '../../dashboards/files.ts';

interface Target {
  readonly expr: string;
  readonly legendFormat: string;
}
interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly Target[];
}
interface Dashboard {
  readonly uid: string;
  readonly templating: { readonly list: readonly { readonly name: string; readonly query?: string }[] };
  readonly panels: readonly Panel[];
}

describe('the Grafana dashboards', () => {
  const files = dashboardFiles();

  it('in the chart are those that the code makes (npm run dashboards writes them)', () => {
    for (const { path, text } of files) assert.equal(readFileSync(path, 'utf8'), text, path.pathname);
  });

  for (const { text } of files) {
    const board = JSON.parse(text) as Dashboard;
    const panels = board.panels.filter(({ type }) => type !== 'row');

    it(`${board.uid}: let data source, job and instance be chosen`, () => {
      assert.deepEqual(
        board.templating.list.map(({ name }) => name),
        ['datasource', 'job', 'instance'],
      );
    });

    it(`${board.uid}: every panel has a title, a unit, a description and queries for what is chosen`, () => {
      assert.ok(panels.length >= 8);
      for (const { title, description, fieldConfig, targets = [] } of panels) {
        assert.ok(title.length > 0);
        assert.match(description ?? '', /^.{15,}\.$/s, title);
        assert.ok(fieldConfig?.defaults.unit, title);
        assert.ok(targets.length > 0, title);
        for (const { expr, legendFormat } of targets) {
          assert.ok(legendFormat.length > 0, title);
          for (const [, selector = ''] of expr.matchAll(/\{([^}]*)\}/g)) {
            assert.match(selector, /^job=~"\$job",instance=~"\$instance"/, `${title}: ${expr}`);
          }
        }
      }
    });

    it(`${board.uid}: no panel lies over another`, () => {
      const taken = new Set<string>();
      for (const { title, gridPos } of board.panels) {
        assert.ok(gridPos.x + gridPos.w <= 24, title);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            assert.ok(!taken.has(`${x},${y}`), title);
            taken.add(`${x},${y}`);
          }
        }
      }
    });
  }

  it('have names of their own', () => assert.equal(new Set(BOARDS.map(({ uid }) => uid)).size, BOARDS.length));
});
