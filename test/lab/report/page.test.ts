/** The page in a real browser: as it is mailed, read on a phone, in the dark, by keyboard, and printed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { reportPage } from '../../../src/lab/report/page.ts';
import { requireServer } from '../../support/servers.ts';
import { sampleReport } from './sample.ts';

const PLOTS = ['messages', 'interval', 'latency', 'recovery', 'pareto', 'agreement'];
const html = reportPage(sampleReport(1));

describe('the page as text', () => {
  it('is the same for the same report', () => {
    assert.equal(html, reportPage(sampleReport(1)));
    assert.notEqual(html, reportPage(sampleReport(2)));
  });

  it('refers to nothing outside itself, runs nothing, and escapes names', () => {
    assert.doesNotMatch(html, /https?:|<script|\son\w+=|url\(|@import| style="/);
    assert.match(html, /<h1>Sluice lab: sample &lt;&amp;&quot;<\/h1>/);
    assert.doesNotMatch(html, /NaN|Infinity|undefined|null/);
  });

  it('shows ways that do not depend on the interval, whichever they were run with', () => {
    const report = sampleReport(1);
    const rows = report.rows
      .filter(({ source, hosts, intervalSeconds }) => source === 'simulated' && hosts === 10 && intervalSeconds <= 0.1)
      .map((row) => (['none', 'split', 'redis'].includes(row.sharing) ? { ...row, intervalSeconds: 0.02 } : row));
    const figures = reportPage({ ...report, rows })
      .split('<figure')
      .slice(1);
    assert.equal(figures.length, PLOTS.length);
    for (const figure of figures) {
      const ways = [...figure.matchAll(/data-way="([a-z-]+)"/g)].map(([, way]) => way);
      assert.equal(new Set(ways).size, ways.length, 'each once');
      assert.ok(ways.includes('redis') && ways.includes('random-leaders'), figure.slice(0, 60));
    }
  });

  it('says nothing of reality where nothing was live', () => {
    const { reality: _, ...simulated } = sampleReport(1);
    assert.match(html, /<h2 id="reality">/);
    assert.doesNotMatch(reportPage(simulated), /reality|real gateways answer/);
  });

  it('says where there is nothing to show', () => {
    const empty = reportPage({ ...sampleReport(1), rows: [] });
    assert.equal([...empty.matchAll(/No row of this report/g)].length, PLOTS.length);
    assert.doesNotMatch(empty, /NaN|Infinity|undefined/);
  });
});

describe('the page in a browser', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-report-'));
  const file = join(dir, 'report.html');
  let browser: Browser;

  before(async () => {
    writeFileSync(file, html);
    // The tests may run as root, whom Chromium's own sandbox refuses.
    browser = await chromium.launch({ executablePath: requireServer('chromium'), args: ['--no-sandbox'] });
  });
  after(async () => {
    await browser.close();
    rmSync(dir, { recursive: true });
  });

  async function open(width: number, colorScheme: 'light' | 'dark'): Promise<{ page: Page; said: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) said.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    return { page, said };
  }

  for (const [width, scheme] of [
    [1280, 'light'],
    [1280, 'dark'],
    [360, 'light'],
    [360, 'dark'],
  ] as const) {
    it(`fits ${width} px in ${scheme} colours, each plot with its data`, async () => {
      const { page, said } = await open(width, scheme);
      assert.deepEqual(said, []);
      const { scrolls, background } = (await page.evaluate(
        '({ scrolls: document.documentElement.scrollWidth, background: getComputedStyle(document.body).backgroundColor })',
      )) as { scrolls: number; background: string };
      assert.equal(scrolls, width);
      assert.equal(background, scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 23, 27)');
      for (const id of PLOTS) assert.deepEqual(await faultsOf(page, id), [], id);
      await page.close();
    });
  }

  it('lets the keyboard reach and move the table of numbers', async () => {
    const { page } = await open(360, 'light');
    await page.keyboard.press('Tab');
    const focused = () => page.evaluate('[document.activeElement.className, document.activeElement.scrollLeft]');
    assert.deepEqual(await focused(), ['scroll', 0]);
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction('document.activeElement.scrollLeft > 0');
    const rows = await page.locator('section[aria-labelledby="numbers"] tbody tr').count();
    assert.equal(rows, sampleReport(1).rows.length);
    await page.close();
  });

  for (const scheme of ['light', 'dark'] as const) {
    it(`holds real gateways against their simulation, in ${scheme} colours`, async () => {
      const { page } = await open(360, scheme);
      const section = page.locator('section[aria-labelledby="reality"]');
      const { reality = [] } = sampleReport(1);
      assert.ok(reality.length > 0);
      assert.equal(await section.locator('tbody tr').count(), reality.length);
      for (const verdict of ['yes', 'no'] as const) {
        const rows = section.locator(`tbody tr.${verdict}`);
        const expected = reality.filter(({ agrees }) => agrees === verdict).length;
        assert.ok(expected > 0, 'the sample has both');
        assert.equal(await rows.count(), expected);
        assert.match((await rows.first().textContent()) ?? '', verdict === 'yes' ? /agrees/ : /differs/);
      }
      // Reached by the keyboard, behind the table of numbers.
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate('document.activeElement.getAttribute("aria-labelledby")'), 'reality-caption');
      await page.close();
    });
  }

  it('prints without cutting off the table', async () => {
    const { page } = await open(1000, 'dark');
    await page.emulateMedia({ media: 'print' });
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    assert.equal(background, 'rgb(255, 255, 255)');
    // A4 across less its margins is 277 mm, which are 1047 CSS pixels.
    await page.setViewportSize({ width: 1047, height: 700 });
    const width = await page.evaluate(
      'Math.max(...[...document.querySelectorAll("table")].map((each) => each.scrollWidth))',
    );
    assert.ok(Number(width) <= 1047, `${width} px`);
    await page.close();
  });
});

/** Marks outside the picture, labels over each other, no marks at all. */
async function faultsOf(page: Page, id: string): Promise<string[]> {
  const text = `(${String(inspectPlot)})(document.getElementById(${JSON.stringify(id)}))`;
  return (await page.evaluate(text)) as string[];
}

interface Shown {
  querySelectorAll(selector: string): Iterable<Shown>;
  querySelector(selector: string): Shown;
  getBoundingClientRect(): { left: number; right: number; top: number; bottom: number; width: number; height: number };
  readonly textContent: string;
}

/** Runs in the browser. */
function inspectPlot(figure: Shown): string[] {
  const faults: string[] = [];
  const frame = figure.querySelector('figure > svg').getBoundingClientRect();
  const shapes = [...figure.querySelectorAll('figure > svg .way path, figure > svg .way rect')];
  if (shapes.length < 5) faults.push(`${shapes.length} shapes`);
  for (const shape of shapes) {
    const box = shape.getBoundingClientRect();
    if (box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom) {
      faults.push('a mark outside');
    }
  }
  const labels = [...figure.querySelectorAll('figure > svg text')].map((label) => ({
    text: label.textContent,
    box: label.getBoundingClientRect(),
  }));
  if (labels.length < 6) faults.push(`${labels.length} labels`);
  labels.forEach(({ text, box }, i) => {
    if (box.width === 0) faults.push(`nothing of ${text}`);
    if (box.left < frame.left - 1 || box.right > frame.right + 1) faults.push(`${text} sticks out`);
    if (box.height < 10) faults.push(`${text} is ${box.height} px high`);
    for (const other of labels.slice(i + 1)) {
      const apart =
        box.right <= other.box.left ||
        other.box.right <= box.left ||
        // Boxes of text have air above and below.
        box.bottom - 3 <= other.box.top ||
        other.box.bottom - 3 <= box.top;
      if (!apart) faults.push(`${text} over ${other.text}`);
    }
  });
  return faults;
}
