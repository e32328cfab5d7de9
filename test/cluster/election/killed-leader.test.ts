import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { end, spawnOwned } from '../../support/child.ts';
import type { Etcd } from '../../support/etcd.ts';
import { startEtcd } from '../../support/etcd.ts';
import { eventually } from '../../support/eventually.ts';
import { agreed, startHost, TTL_MS, watchOver } from './hosts.ts';

const PROGRAM = fileURLToPath(new URL('./candidate-process.ts', import.meta.url));
/** etcd looks for leases that have ended twice a second, and writes the end to its log; a machine may be busy. */
const ETCD_SLACK_MS = 2_000;

describe('a leader whose process dies', { timeout: 60_000 }, () => {
  let etcd: Etcd;
  before(async () => {
    etcd = await startEtcd();
  });
  after(() => etcd.stop());

  const lead = async (name: string): Promise<{ child: ChildProcess; said: () => string }> => {
    const child = spawnOwned(process.execPath, [PROGRAM, etcd.endpoint, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const said = (): string => output.trim().split('\n').at(-1) ?? '';
    await eventually('it leads', () => Number(said()) > 0, { within: 20_000 });
    return { child, said };
  };

  it('kill -9: another leads within the lease and a little, under a higher term', async () => {
    const { child, said } = await lead('doomed');
    await using a = await startHost(etcd, 'a');
    await using b = await startHost(etcd, 'b');
    await eventually('they know it', () => a.leadership.leaderOf(0)?.address === 'doomed');
    const term = Number(said());
    using witness = watchOver([a, b]);
    const killed = performance.now();
    await end(child, 'SIGKILL');
    await eventually('another leads', () => agreed([a, b]), { within: TTL_MS + ETCD_SLACK_MS });
    const took = performance.now() - killed;
    assert.ok(took > TTL_MS / 2, `its lease was waited for: ${took} ms`);
    assert.ok((witness.reigns(0)[0]?.term ?? 0) > term);
    witness.check();
  });

  it('SIGSTOP for longer than the lease: it has stopped leading when it wakes', async () => {
    await etcd.ctl('del', 'sluice/', '--prefix');
    const { child, said } = await lead('sleeper');
    await using a = await startHost(etcd, 'a');
    await eventually('it is known', () => a.leadership.leaderOf(0)?.address === 'sleeper');
    const term = said();
    child.kill('SIGSTOP');
    await eventually('another leads', () => a.leadership.leading(0), { within: TTL_MS + ETCD_SLACK_MS });
    assert.equal(said(), term, 'it could not say anything');
    child.kill('SIGCONT');
    await eventually('it knows', () => said() === 'no', { within: 2_000 });
    assert.notEqual(a.leadership.leading(0), undefined, 'the other goes on');
    await end(child, 'SIGKILL');
  });
});
