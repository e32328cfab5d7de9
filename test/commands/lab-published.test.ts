/** `sluice lab published`, on the command line. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runSluice } from '../support/gateway-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-lab-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describe('sluice lab published', () => {
  it('shows what was published beside what is measured, and writes it for scripts', { timeout: 120_000 }, async () => {
    const json = join(folder, 'published.json');
    const { code, stdout } = await runSluice(['lab', 'published', '--runs', '1', '--seed', '3', '--json', json]);
    assert.equal(code, 0);
    assert.match(stdout, /^ {2}2 buckets: wrongly allowed or refused +0\.003 +[\d.e-]+ +%$/m);
    assert.match(stdout, /^ {2}10,000 hosts, drawn from all +10\.7 +1\d(\.\d)? +rounds$/m);
    const report = JSON.parse(readFileSync(json, 'utf8')) as { seeds: number[]; rows: unknown[] };
    assert.deepEqual(report.seeds, [3]);
    assert.ok(report.rows.length > 15);
  });

  it('says in one line what is wrong with a flag', async () => {
    const { code, stderr } = await runSluice(['lab', 'published', '--runs', 'many']);
    assert.deepEqual([code, stderr], [2, 'sluice: --runs: "many" is no whole number from 1 to 100\n']);
  });
});
