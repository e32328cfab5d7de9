/** What docs/trade-offs.md says of the claims is what the command finds. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import type { Report } from '../../src/lab/report/model.ts';
import { runSluice } from '../support/gateway-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-claims-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Powers and ratios, which hardly differ from seed to seed. */
const FIRM = [/hosts\^(\d+(?:\.\d+)?)/g, /(\d+(?:\.\d+)?) times/g];

/** What the page says and a run does not, to within a tenth, number by number in their order. */
function unlike(page: string, why: string): string[] {
  return FIRM.flatMap((pattern) => {
    const [said, found] = [page, why].map((text) => [...text.matchAll(pattern)].map((match) => Number(match[1])));
    const near = said?.length === found?.length && said?.every((n, i) => Math.abs(n / (found?.[i] ?? 0) - 1) < 0.1);
    return near ? [] : [`${pattern.source}: ${said} instead of ${found}`];
  });
}

it('the claims of docs/trade-offs.md hold as it says', { timeout: 200_000 }, async () => {
  const [json, html] = [join(folder, 'claims.json'), join(folder, 'claims.html')];
  const { code, stdout } = await runSluice(['lab', 'claims', '--runs', '1', '--json', json, '--html', html]);
  const { verdicts, rows } = JSON.parse(readFileSync(json, 'utf8')) as Report;
  const page = readFileSync(new URL('../../docs/trade-offs.md', import.meta.url), 'utf8');
  assert.equal(verdicts.length, 5);
  for (const { claim, holds, why } of verdicts) {
    const verdict = { yes: 'holds', partly: 'holds in part', no: 'does not hold', unclear: 'unclear' }[holds];
    assert.ok(
      page.includes(`| ${claim} | ${verdict} |`),
      `docs/trade-offs.md does not say: ${claim} ${verdict}\n${stdout}`,
    );
    const row = page.split('\n').find((line) => line.startsWith(`| ${claim} |`)) ?? '';
    assert.deepEqual(unlike(row, why), [], `docs/trade-offs.md: ${row}\nfound: ${why}`);
    assert.ok(readFileSync(html, 'utf8').includes(claim.slice(0, 20)));
  }
  assert.equal(code, 0);
  assert.equal(rows.length, 20);
});
