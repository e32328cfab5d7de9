/** Rules and dashboards in the chart's folders become objects as they are, whatever braces they hold. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { requireServer } from '../support/servers.ts';
import { at, CHART, list, render } from './chart.ts';
import { typeFaults, validate } from './kubernetes-types.ts';

const RULES = {
  groups: [
    {
      name: 'one',
      rules: [
        {
          alert: 'Refuses',
          expr: 'sum by (limit) (rate(sluice_decisions_total{verdict="denied"}[5m])) > 0',
          for: '5m',
          labels: { severity: 'info' },
          annotations: { summary: '{{ $labels.limit }} refuses {{ $value | humanize }} a second' },
        },
      ],
    },
  ],
};
const DASHBOARD = { title: 'Overview', panels: [{ legend: '{{limit}}', lines: 'a\nb' }], uid: 'x' };
const ON = { metrics: { prometheusRule: { enabled: true }, dashboards: { enabled: true } } };

describe('rules and dashboards', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-chart-copy-'));
  const chart = join(dir, 'sluice');
  before(() => {
    cpSync(CHART, chart, { recursive: true });
    for (const folder of ['rules', 'dashboards']) {
      rmSync(join(chart, folder), { recursive: true, force: true });
      mkdirSync(join(chart, folder));
    }
    writeFileSync(join(chart, 'rules/one.yaml'), stringify(RULES));
    writeFileSync(join(chart, 'rules/two.yaml'), 'groups: [{ name: two, rules: [{ record: "a:b", expr: "1" }] }]\n');
    writeFileSync(join(chart, 'dashboards/overview.json'), JSON.stringify(DASHBOARD, undefined, 2));
    writeFileSync(join(chart, 'dashboards/limits.json'), JSON.stringify(DASHBOARD));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('are handed on unchanged', async () => {
    const rendered = await render({ chart, values: ON });
    const rule = rendered.one('PrometheusRule');
    const groups = at(rule, 'spec', 'groups');
    assert.deepEqual(
      list(groups).map((group) => at(group, 'name')),
      ['one', 'two'],
    );
    assert.deepEqual(at(groups, 0), RULES.groups[0]);
    for (const name of ['overview', 'limits']) {
      const map = rendered.one('ConfigMap', `-dashboard-${name}`);
      assert.deepEqual(JSON.parse(String(at(map, 'data', `${name}.json`))), DASHBOARD);
      assert.equal(at(map, 'metadata', 'labels', 'grafana_dashboard'), '1');
    }
    assert.deepEqual(typeFaults(rendered.manifests).flat(), []);
    await validate(rule);
    const file = join(dir, 'rules.yaml');
    writeFileSync(file, stringify({ groups }));
    execFileSync(requireServer('promtool'), ['check', 'rules', file], { stdio: 'pipe' });
  });

  it('are not there unless asked for', async () => {
    const rendered = await render({ chart });
    assert.deepEqual([rendered.has('PrometheusRule'), rendered.has('ConfigMap', '-overview')], [false, false]);
  });

  it('of the chart itself all become objects', async () => {
    const names = (folder: string, end: string): readonly string[] =>
      existsSync(join(CHART, folder)) ? readdirSync(join(CHART, folder)).filter((name) => name.endsWith(end)) : [];
    const rendered = await render({ values: ON });
    const maps = rendered.manifests.filter(({ metadata }) => metadata.name.includes('-dashboard-'));
    assert.equal(maps.length, names('dashboards', '.json').length);
    assert.equal(rendered.has('PrometheusRule'), names('rules', '.yaml').length > 0);
  });
});
