/** Every query of every dashboard, and every alert, on a real Prometheus that scrapes real gateways under load. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BOARDS } from '../../dashboards/files.ts';
import { queriesOf, rulesReport, unanswered } from '../../demo/panels.ts';
import type { Stack } from '../../demo/stack.ts';
import { startStack } from '../../demo/stack.ts';
import { eventually } from '../support/eventually.ts';

const FREE = [undefined, undefined] as const;
const WITHIN_MS = 40_000;

describe('dashboards and alerts on a real Prometheus', () => {
  let stack: Stack;

  before(async () => {
    const ports = { gateways: FREE, admins: FREE, redis: undefined, prometheus: undefined, grafana: undefined };
    stack = await startStack({ perSecond: 150, scrapeEveryMs: 250, ports });
  });

  after(() => stack?.[Symbol.asyncDispose]());

  for (const board of BOARDS) {
    it(`${board.title}: every panel shows something`, { timeout: 60_000 }, async () => {
      assert.ok(queriesOf(board).length > 3);
      assert.deepEqual(await unanswered(stack.prometheus, board, WITHIN_MS), []);
    });
  }

  it('the rules are evaluated without an error, and nothing calls anybody while all is well', async () => {
    const { prometheus } = stack;
    await eventually('recorded series', async () => (await prometheus.query('sluice:denied:ratio_rate5m')).length > 0, {
      within: 20_000,
      every: 100,
    });
    const { count, faults } = await rulesReport(prometheus, WITHIN_MS);
    assert.ok(count > 20);
    assert.deepEqual(faults, []);
    const firing = await prometheus.query(
      'ALERTS{alertstate="firing",severity="critical",alertname!~"SluiceUpstream.*"}',
    );
    assert.deepEqual(firing, []);
  });
});
