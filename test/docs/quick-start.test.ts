/** What the README says of the first two commands is what happens. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Reply } from '../support/http.ts';
import { request } from '../support/http.ts';
import { readPage } from './markdown.ts';

/** The refusal that the README shows. */
function shownAnswer(): { status: number; fields: ReadonlyMap<string, string>; body: string } {
  const text = readPage('README.md').blocks.find(({ info, text }) => info === 'console' && text.includes('429'))?.text;
  const [head = '', body = ''] = (text ?? '').split('\n\n');
  const [, statusLine = '', ...lines] = head.split('\n');
  const fields = lines.map((line) => line.split(/: (.*)/, 2) as [string, string]);
  return { status: Number(statusLine.split(' ')[1]), fields: new Map(fields), body: body.trim() };
}

describe('the quick start of the README', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway({ args: ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'] });
  });
  after(() => gateway.stop());

  it('answers ten of twelve requests, and refuses two as shown', async () => {
    const replies: Reply[] = [];
    for (let i = 0; i < 12; i++) replies.push(await request({ port: gateway.port }));
    // Where the twelve fall on both sides of a window's edge, fewer of those before it count.
    assert.deepEqual(
      replies.slice(0, 10).map(({ status }) => status),
      Array(10).fill(200),
    );
    const refused = replies.at(-1);
    const shown = shownAnswer();
    assert.equal(refused?.status, shown.status);
    assert.equal(refused?.text(), shown.body);
    // The test's client does not keep its connection, which curl offers to.
    const names = [...shown.fields.keys()].filter((name) => name !== 'Keep-Alive');
    assert.deepEqual(
      refused?.fields.map(([name]) => name),
      names,
    );
    for (const name of ['Content-Type', 'Content-Length', 'RateLimit-Policy']) {
      assert.equal(refused?.header(name), shown.fields.get(name), name);
    }
    const numbers = (text: string | undefined): string | undefined => text?.replaceAll(/t=\d+/g, 't=N');
    assert.equal(numbers(refused?.header('RateLimit')), numbers(shown.fields.get('RateLimit')));
  });

  it('says where to go on', () => {
    const loop = /for i in \$\(seq 12\); do curl .* done/.exec(gateway.stdout())?.[0] ?? 'no loop';
    const shown = readPage('README.md').blocks.flatMap(({ text }) => /^for i in .*$/m.exec(text)?.[0] ?? []);
    assert.deepEqual([loop.replace(/:\d+\//, ':8080/')], shown);
  });
});
