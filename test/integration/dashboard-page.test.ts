/** The dashboard in a real browser, on real gateways with a real Redis and traffic. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { accessibilityFaults } from '../admin/axe.ts';
import { openPage, startBrowser, textOf } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { request, startUpstream } from '../support/http.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';

const TOKEN = 'a-token-long-enough';
const PATIENCE = { within: 30_000, every: 100 };

/** Clients choose their keys; a header value may hold all of this. */
const HOSTILE = [
  '<img/src=x/onerror=alert(1)>',
  '"><script>alert(2)</script>',
  "'-alert(3)-'",
  '<svg/onload=alert(4)>',
  '</td></table><h1>owned</h1>',
  'javascript:alert(5)',
];

describe('the dashboard', { timeout: 240_000 }, () => {
  let redis: Redis;
  let upstream: Upstream;
  let gateway: Gateway;
  let other: Gateway;
  let browser: Browser;
  let running = true;
  let traffic: Promise<void> = Promise.resolve();

  before(async () => {
    [redis, upstream, browser] = [await startRedis(), await startUpstream(), await startBrowser()];
    const config = {
      listen: '127.0.0.1:0',
      admin: { listen: '127.0.0.1:0' },
      log: { level: 'warn', access: 'off' },
      redis: { url: redis.url, timeout: '2s' },
      upstreams: { app: { servers: [upstream.url] } },
      routes: [
        { name: 'login', match: { path: '/login' }, upstream: 'app', limits: ['login'] },
        { name: 'everything', upstream: 'app', limits: ['per-client'] },
      ],
      limits: {
        'per-client': { key: 'header:x-api-key|ip', rate: '5/1m' },
        login: { key: 'ip', rate: '3/1m', mode: 'shadow', sharing: 'local' },
      },
    };
    gateway = await startGateway({ config, readyWithin: 60_000 });
    other = await startGateway({ config, readyWithin: 60_000 });
    traffic = (async () => {
      for (let i = 0; running; i++) {
        // Keys that were refused are refused from memory for a while; somebody has to go on asking Redis.
        const other = i % 9 === 1 ? `guest-${i}` : 'alice';
        const key = i % 3 === 0 ? (HOSTILE[(i / 3) % HOSTILE.length] ?? '') : other;
        await request({ port: gateway.port, headers: { 'x-api-key': key } }).catch(() => {});
        await new Promise((resume) => setTimeout(resume, 20));
      }
    })();
  });
  after(async () => {
    running = false;
    await traffic;
    await browser.close();
    await Promise.all([gateway.stop(), other.stop()]);
    await upstream.close();
    await redis.stop();
  });

  const live = async (page: Page): Promise<void> => {
    await eventually(
      'decisions are shown',
      async () => Number((await textOf(page, '#decisions')).replace(/[–,k]/g, '')) > 0,
      PATIENCE,
    );
  };

  it('shows live numbers, and has no trouble', async () => {
    await using watched = await openPage(browser, gateway.adminUrl);
    const { page, trouble } = watched;
    await live(page);
    assert.equal(await textOf(page, '#link'), 'live');
    const status = await textOf(page, '#status');
    assert.match(status, /Gateway ready .*Redis answers .*Hosts 2 instances share Redis .*Configuration/);
    await eventually('a refused share', async () => /^Refused [\d.]+ %/.test(await textOf(page, '.tile')), PATIENCE);
    const tiles = (await page.locator('.tile').allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '));
    assert.match(tiles[1] ?? '', /^Time to decide [\d.]+ (µs|ms|s) 99th percentile; median [\d.]+ /);
    assert.match(tiles[3] ?? '', /^Redis round trip [\d.]+ (µs|ms|s) .*calls\/s/);
    const card = page.locator('.limit', { hasText: '5/1m by header:x-api-key|ip' });
    assert.equal(await card.locator('h3').innerText(), 'per-client');
    await eventually('alice is the busiest', async () => {
      const row = (await card.locator('tbody tr').first().innerText()).split(/\s+/);
      return row[0] === 'alice' && Number(row[1]?.replace(',', '')) > Number(row[2]?.replace(',', ''));
    });
    assert.match(await textOf(page, '#store'), /Circuit closed.*Round trip median .*Shared by 2 instances/);
    const points = (): Promise<number> =>
      page.locator('#decisions-chart svg').evaluate((plot) => Number(plot.getAttribute('data-points')));
    const before = await points();
    await eventually('the chart goes on', async () => (await points()) > before, PATIENCE);
    assert.match(await page.locator('#decisions-chart desc').innerHTML(), /^Now .* allowed and .* refused/);
    assert.deepEqual(trouble, []);
  });

  it('shows hostile keys as text', async () => {
    await using watched = await openPage(browser, gateway.adminUrl);
    const { page, trouble } = watched;
    await live(page);
    await eventually(
      'a hostile key',
      async () => (await page.locator('.limit').allInnerTexts()).join('').includes('</td></table><h1>owned</h1>'),
      PATIENCE,
    );
    assert.equal(await page.locator('h1').count(), 1);
    assert.equal(await page.locator('main img, main script, main svg[onload]').count(), 0);
    await page.fill('#x-headers', `x-api-key: ${HOSTILE[0]}`);
    await page.fill('#x-url', 'http://a.example/<script>alert(9)</script>');
    await page.click('#explain button');
    await page.waitForSelector('#explained:not([hidden])');
    // As limits write keys: what is no plain character is escaped.
    assert.match(await textOf(page, '#explained'), /<img\/src%3Dx\/onerror%3Dalert\(1\)>/);
    assert.equal(await page.locator('#explained img, #explained script').count(), 0);
    assert.deepEqual(trouble, []);
  });

  it('adds up all instances when asked to', async () => {
    for (let i = 0; i < 90; i++) await request({ port: other.port, headers: { 'x-api-key': 'elsewhere' } });
    await using watched = await openPage(browser, gateway.adminUrl);
    const { page, trouble } = watched;
    await live(page);
    const card = page.locator('.limit', { hasText: 'per-client' });
    assert.doesNotMatch(await card.innerText(), /elsewhere/);
    await page.check('#fleet');
    await eventually('both', async () => /\(2 instances\)/.test(await textOf(page, '#fleet-note')), PATIENCE);
    await eventually('the other one’s key', async () => /elsewhere\s+90\s+85/.test(await card.innerText()), PATIENCE);
    await page.uncheck('#fleet');
    await eventually('this one alone', async () => !/elsewhere/.test(await card.innerText()), PATIENCE);
    assert.deepEqual(trouble, []);
  });

  it('explains a request by keyboard alone, and says what is wrong with one that is none', async () => {
    await using watched = await openPage(browser, gateway.adminUrl);
    const { page, trouble } = watched;
    await live(page);
    const reached: string[] = [];
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate("document.activeElement.id || document.activeElement.className || 'BUTTON'"));
    }
    assert.deepEqual(reached.slice(0, 7), ['skip', 'fleet', 'x-method', 'x-url', 'x-address', 'x-headers', 'BUTTON']);
    await page.focus('#x-url');
    assert.notEqual(await page.evaluate("getComputedStyle(document.querySelector('#x-url')).outlineStyle"), 'none');
    await page.fill('#x-url', 'nowhere');
    await page.keyboard.press('Enter');
    await eventually('it says so', async () =>
      (await textOf(page, '#x-error')).includes('url is not an absolute http URL'),
    );
    assert.equal(await page.evaluate('document.activeElement.id'), 'x-url');
    assert.equal(trouble.length, 1);
    assert.match(trouble.join(), /^Failed to load resource: .* 400/, 'the browser’s own line');
    await page.fill('#x-url', 'http://shop.example/orders?page=2');
    await page.fill('#x-headers', 'X-Api-Key: alice');
    await page.focus('#x-url');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#explained:not([hidden])');
    assert.equal(await page.evaluate('document.activeElement.id'), 'explained', 'a screen reader goes on there');
    const text = await textOf(page, '#explained');
    assert.match(text, /Request GET shop\.example\/orders .*Route everything .*Goes to app/);
    assert.match(text, /per-client Key alice · shared by redis · on failure: local/);
    assert.match(text, /\d of 5 left.* 5\/1m sliding-window/);
    assert.match(text, /Counted in per-client:s2\.1m:alice/);
  });

  it('shows what a reload has changed', async () => {
    await using watched = await openPage(browser, gateway.adminUrl);
    const { page, trouble } = watched;
    await live(page);
    const file = gateway.configFile ?? '';
    writeFileSync(file, readFileSync(file, 'utf8').replace('5/1m', '6/1m'));
    await eventually('the change', async () => /rate 5\/1m → 6\/1m/.test(await textOf(page, '#reload')), PATIENCE);
    assert.equal(await page.locator('#reload del').innerText(), '5/1m');
    assert.equal(await page.locator('#reload ins').innerText(), '6/1m');
    writeFileSync(file, readFileSync(file, 'utf8').replace('6/1m', 'often'));
    await eventually(
      'refused',
      async () => /Configuration new one refused/.test(await textOf(page, '#status')),
      PATIENCE,
    );
    assert.match(await textOf(page, '#reload .fault'), /often/);
    assert.match(await textOf(page, '#announcer'), /Configuration: new one refused/);
    assert.deepEqual(trouble, []);
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1440, 360]) {
      it(`is accessible and fits, ${colorScheme}, ${width} pixels wide`, async () => {
        const viewport = { width, height: 800 };
        await using watched = await openPage(browser, gateway.adminUrl, { viewport, colorScheme });
        const { page, trouble } = watched;
        await live(page);
        await page.fill('#x-url', `http://shop.example/${'long-'.repeat(60)}?q=${'w'.repeat(300)}`);
        await page.fill('#x-headers', `x-api-key: ${'k'.repeat(64)}`);
        await page.click('#explain button');
        await page.waitForSelector('#explained:not([hidden])');
        const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        assert.ok(Number(overflow) <= 0, `${overflow} pixels too wide`);
        const [r = 255] =
          String(await page.evaluate('getComputedStyle(document.body).backgroundColor')).match(/\d+/g) ?? [];
        assert.equal(Number(r) < 128, colorScheme === 'dark');
        assert.deepEqual(await accessibilityFaults(page), []);
        assert.deepEqual(trouble, []);
      });
    }
  }

  it('says when Redis is gone, and announces that and not the numbers', async () => {
    await using watched = await openPage(browser, gateway.adminUrl);
    const { page, trouble } = watched;
    await live(page);
    assert.equal(await textOf(page, '#announcer'), '');
    await redis.kill9();
    await eventually('it is not asked', async () => /Redis not asked/.test(await textOf(page, '#status')), PATIENCE);
    assert.match(await textOf(page, '#announcer'), /Redis: not asked/);
    assert.match(await textOf(page, '#store'), /Errors .* since the start .*[1-9]/);
    await eventually('policies', async () => /by failure policies/.test(await textOf(page, '#tiles')), PATIENCE);
    await redis.restart();
    await eventually('it answers', async () => /Redis answers/.test(await textOf(page, '#status')), PATIENCE);
    assert.deepEqual(trouble, []);
  });

  it('works with a token, by the browser’s own question for it', async () => {
    const config = {
      listen: '127.0.0.1:0',
      admin: { listen: '127.0.0.1:0', token: TOKEN },
      upstreams: { app: { servers: [upstream.url] } },
      routes: [{ upstream: 'app', limits: ['l'] }],
      limits: { l: { key: 'ip', rate: '5/1m' } },
    };
    await using locked = await startGateway({ config, readyWithin: 60_000 });
    const outside = await request({ port: locked.adminPort });
    assert.deepEqual([outside.status, outside.header('www-authenticate')?.split(' ')[0]], [401, 'Basic']);
    const ways = [
      [locked.adminUrl, { httpCredentials: { username: 'me', password: TOKEN } }],
      [locked.adminUrl.replace('//', `//me:${TOKEN}@`), {}],
    ] as const;
    for (const [url, options] of ways) {
      await using watched = await openPage(browser, url, options);
      const { page, trouble } = watched;
      await eventually('live', async () => (await textOf(page, '#link')) === 'live', PATIENCE);
      await page.click('#explain button');
      await page.waitForSelector('#explained:not([hidden])');
      assert.match(await textOf(page, '#explained'), /5 of 5 left/);
      assert.deepEqual(trouble, []);
    }
  });

  it('says when the gateway is gone, and goes on when it is back', async () => {
    await using going = await startGateway({
      args: ['--upstream', upstream.url, '--limit', '5/1m', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'],
      readyWithin: 60_000,
    });
    await using watched = await openPage(browser, going.adminUrl);
    const { page } = watched;
    await eventually('live', async () => (await textOf(page, '#link')) === 'live', PATIENCE);
    assert.equal(await going.stop(), 0, 'the page does not hold it up');
    await eventually('lost', async () => (await textOf(page, '#link')).startsWith('no connection'), PATIENCE);
    const again = ['--listen', '127.0.0.1:0', '--admin', `127.0.0.1:${going.adminPort}`];
    await using back = await startGateway({
      args: ['--upstream', upstream.url, '--limit', '5/1m', ...again],
      readyWithin: 60_000,
    });
    assert.equal(back.adminPort, going.adminPort);
    await eventually('live again', async () => (await textOf(page, '#link')) === 'live', PATIENCE);
  });
});
