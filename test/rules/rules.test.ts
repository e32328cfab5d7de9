/** The alerts load, fire when they should, and each has a test and a section in the runbook. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { createFamilies } from '../../src/metrics/families.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { requireServer } from '../support/servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RULES = 'helm/sluice/rules/sluice.rules.yaml';
const TESTS = 'test/rules/sluice.rules.test.yaml';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const { groups } = parse(readFileSync(ROOT + RULES, 'utf8')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter((rule) => rule.alert !== undefined);

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(requireServer('promtool'), args, { cwd: ROOT, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
}

describe('alerts and recording rules', () => {
  it('load', () => promtool('check', 'rules', RULES));

  it('fire when they should and only then', () => promtool('test', 'rules', TESTS));

  it('each have a test', () => {
    const tested = readFileSync(ROOT + TESTS, 'utf8');
    for (const { alert } of alerts) assert.match(tested, new RegExp(`alertname: ${alert}\\b`), alert);
  });

  it('each have a section in the runbook, and the runbook has no others', () => {
    const sections = [...readFileSync(`${ROOT}docs/runbook.md`, 'utf8').matchAll(/^## (\w+)$/gm)].map((m) => m[1]);
    assert.deepEqual(
      sections,
      alerts.map(({ alert }) => alert),
    );
    for (const { alert = '', annotations, labels } of alerts) {
      assert.equal(annotations?.['runbook'], `docs/runbook.md#${alert.toLowerCase()}`);
      assert.match(labels?.['severity'] ?? '', /^(critical|warning|info)$/);
      assert.ok(annotations?.['summary'] && annotations['description'], alert);
    }
  });

  it('ask only for series that a gateway exports, or that another rule records', async () => {
    const metrics = createMetrics({ version: '1' });
    const { body } = await metrics.render();
    metrics.close();
    const exported = new Set(
      [...body.matchAll(/^# TYPE (\S+) (\w+)/gm)].flatMap(([, name = '', type]) => seriesOf(name, type)),
    );
    for (const family of Object.values(createFamilies()))
      for (const name of seriesOf(family.name, 'histogram')) exported.add(name);
    const recorded = new Set(rules.flatMap(({ record }) => record ?? []));
    for (const { expr, alert, record } of rules) {
      for (const [name] of expr.matchAll(/\b(?:sluice|nodejs|process)[\w:]+(?=[{[ )]|$)/g)) {
        assert.ok(exported.has(name) || recorded.has(name), `${alert ?? record} asks for ${name}`);
      }
    }
  });
});

function seriesOf(name: string, type: string | undefined): string[] {
  return type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}
