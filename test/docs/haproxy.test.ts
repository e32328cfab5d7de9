/** What the documentation shows of HAProxy's configuration, HAProxy takes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { requireServer } from '../support/servers.ts';
import { allPages } from './markdown.ts';

const AROUND = `defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s

frontend in
  bind 127.0.0.1:8000
  default_backend gateways

`;

it('every haproxy block is valid without a warning', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-docs-haproxy-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const shown = allPages().flatMap(({ path, blocks }) =>
    blocks.filter(({ info }) => info === 'haproxy').map(({ text, line }) => ({ where: `${path}:${line}`, text })),
  );
  assert.ok(shown.length > 0);
  for (const { where, text } of shown) {
    const file = join(dir, 'haproxy.cfg');
    writeFileSync(file, `${AROUND}${text}\n`);
    const { status, stderr } = spawnSync(requireServer('haproxy'), ['-c', '-q', '-f', file], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, ''], where);
  }
});
