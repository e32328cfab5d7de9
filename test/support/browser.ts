/** A real browser for tests of pages, and everything that went wrong on them. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { requireServer } from './servers.ts';

export interface Watched extends AsyncDisposable {
  readonly page: Page;
  /** Console errors and warnings, exceptions, violations of the content security policy, dialogs, requests to elsewhere. */
  readonly trouble: readonly string[];
}

export async function startBrowser(): Promise<Browser> {
  // Chromium's own sandbox does not start for root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: requireServer('chromium'), args, timeout: 60_000 });
}

/** Opens a URL in a context of its own. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const trouble: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') trouble.push(message.text());
  });
  page.on('pageerror', (error) => trouble.push(`exception: ${error.message}`));
  page.on('dialog', (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  const { host } = new URL(url);
  page.on('request', (request) => {
    if (new URL(request.url()).host !== host) trouble.push(`request to ${request.url()}`);
  });
  await page.exposeFunction('reportViolation', (what: string) => trouble.push(`CSP: ${what}`));
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (e) => reportViolation(e.violatedDirective + ' ' + e.blockedURI));",
  );
  await page.goto(url);
  return { page, trouble, [Symbol.asyncDispose]: () => context.close() };
}

/** Text of the first element that matches, spaces folded. */
export async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).first().innerText()).replaceAll(/\s+/g, ' ').trim();
}
