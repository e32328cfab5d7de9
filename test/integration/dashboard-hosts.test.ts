/** The dashboard's picture of hosts: each state by its shape, the same as a table, whatever hosts say of themselves. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import type { PeersReport } from '../../src/admin/deps.ts';
import { accessibilityFaults } from '../admin/axe.ts';
import { startAdmin } from '../admin/harness.ts';
import { openPage, startBrowser, textOf } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { startUpstream } from '../support/http.ts';
import { startPeerFleet, TOKEN } from './peers-fleet.ts';

const AT = Date.UTC(2026, 10, 23, 18);
const PATIENCE = { within: 30_000 };

function report(n: number): PeersReport {
  const states = ['alive', 'suspect', 'dead', 'gone'] as const;
  return {
    self: { address: '10.1.2.3:7946', incarnation: AT },
    discovery: 'dns',
    visibleShare: 0.8,
    peers: Array.from({ length: n }, (_, i) => ({
      address: i === 0 ? '<b>&"host":7946' : `10.1.3.${i}:7946`,
      incarnation: AT,
      state: states[i % 4] ?? 'alive',
      since: AT,
    })),
    leaders: [
      { sharing: 'leader', slot: 0, address: '10.1.2.3:7946', term: 7 },
      { sharing: 'leader', slot: 1, address: '10.1.3.4:7946', term: 7 },
      { sharing: 'leader', slot: 2, address: undefined, term: undefined },
    ],
  };
}

describe('the picture of hosts', { timeout: 120_000 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.close());

  it('shows states, leaders and what is lost, as text too', async () => {
    await using running = await startAdmin({ peers: () => report(7) });
    await using watched = await openPage(browser, `http://127.0.0.1:${running.port}/`);
    const { page, trouble } = watched;
    await page.waitForSelector('#picture svg');
    assert.match(await textOf(page, '#status'), /Hosts 2 of 7 lost failure policies apply/);
    assert.equal(await page.locator('#picture .node').count(), 8);
    assert.equal(await page.locator('#picture .node.self .crown').count(), 1);
    assert.equal(await page.locator('#picture .crown').count(), 2);
    assert.equal(await page.locator('#picture .cross').count(), 2);
    assert.equal(await page.locator('#picture b').count(), 0);
    const described = await page.locator('#picture desc').innerHTML();
    assert.equal(described, 'This host, 10.1.2.3:7946, and 7 others: 2 alive, 2 suspect, 2 dead, 1 gone.');
    await page.click('#hosts-details summary');
    await eventually('the table', async () => (await page.locator('#hosts-table tbody tr').count()) === 8, PATIENCE);
    const table = await textOf(page, '#hosts-table');
    assert.match(table, /10\.1\.2\.3:7946 this host .* slot 0/);
    assert.match(table, /<b>&"host":7946 alive/);
    assert.match(table, /10\.1\.3\.4:7946 alive .* slot 1/);
    assert.deepEqual(await accessibilityFaults(page), []);
    assert.deepEqual(trouble, []);
  });

  it('stays a picture with very many', async () => {
    await using running = await startAdmin({ peers: () => report(1_000) });
    await using watched = await openPage(browser, `http://127.0.0.1:${running.port}/`, {
      viewport: { width: 360, height: 800 },
    });
    const { page, trouble } = watched;
    await page.waitForSelector('#picture svg');
    assert.equal(await page.locator('#picture .node').count(), 61);
    assert.match(await textOf(page, '#status'), /Hosts 250 of 1001 lost/);
    assert.match((await page.locator('#picture').textContent()) ?? '', /and 940 more hosts/);
    assert.deepEqual(trouble, []);
  });

  it('is of real hosts, and follows when one dies', async () => {
    await using upstream = await startUpstream();
    await using fleet = await startPeerFleet({
      sharing: 'random-leaders',
      limit: { rate: '100/1m' },
      upstream: upstream.url,
      hosts: 4,
    });
    await fleet.together();
    const [first, , last] = fleet.hosts;
    assert.ok(first !== undefined && last !== undefined);
    const httpCredentials = { username: 'me', password: TOKEN };
    await using watched = await openPage(browser, first.gateway.adminUrl, { httpCredentials });
    const { page, trouble } = watched;
    await page.waitForSelector('#picture svg');
    assert.match(await textOf(page, '#status'), /Hosts 4 hosts all of them visible/);
    assert.equal(await page.locator('#picture .node.alive').count(), 3);
    await eventually('somebody leads', async () => (await page.locator('#picture .crown').count()) > 0, PATIENCE);
    await last.gateway.kill9();
    // Nobody listens on its port any more, so that it is known to have ended.
    await eventually('it is gone', async () => (await page.locator('#picture .node.gone').count()) === 1, PATIENCE);
    await eventually('three are left', async () => /Hosts 3 hosts/.test(await textOf(page, '#status')), PATIENCE);
    const frozen = fleet.hosts[1];
    frozen?.gateway.signal('SIGSTOP');
    try {
      await eventually('it is lost', async () => /Hosts 1 of 3 lost/.test(await textOf(page, '#status')), PATIENCE);
      assert.equal(await page.locator('#picture .node.dead').count(), 1);
    } finally {
      frozen?.gateway.signal('SIGCONT');
    }
    assert.deepEqual(trouble, []);
  });
});
