/** The image's root filesystem, and the gateway in it: another root, user 65532, nothing to write to. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeRootFilesystem } from '../../docker/rootfs.ts';
import { end } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { request, startUpstream } from '../support/http.ts';
import { startRedis } from '../support/redis.ts';
import { enter, imageSettings, privileges } from './enter.ts';

const DOCKERFILE = readFileSync(fileURLToPath(new URL('../../Dockerfile', import.meta.url)), 'utf8');
const settings = imageSettings(DOCKERFILE);

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function outputOf(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  }
  return output;
}

async function run(root: string, words: readonly string[]): Promise<Ended> {
  const child = enter(root, settings.user, words);
  const output = outputOf(child);
  await new Promise((resolve) => child.once('close', resolve));
  return { code: child.exitCode, ...output };
}

describe('the root filesystem of the image', { skip: privileges.chroot ? false : 'chroot takes root' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-image-'));
  const root = join(folder, 'root');
  before(() => makeRootFilesystem(root));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('holds the dependencies of production and no others', () => {
    const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
      packages: Record<string, { dev?: boolean; optional?: boolean; dependencies?: object }>;
    };
    const modules = join(root, 'usr/local/lib/sluice');
    const top = Object.entries(packages).filter(([path]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path));
    assert.deepEqual(
      top.filter(([path, { dev }]) => dev === true && existsSync(join(modules, path))).map(([path]) => path),
      [],
    );
    const wanted = Object.keys(packages['']?.dependencies ?? {});
    assert.ok(wanted.length > 5);
    assert.deepEqual(
      wanted.filter((name) => !existsSync(join(modules, 'node_modules', name))),
      [],
    );
  });

  it('holds no shell, no sources, no secrets of the checkout', () => {
    const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
    assert.deepEqual(
      names.filter((name) => /(^|\/)(sh|bash|npm|npx|\.git|\.env|\.npmrc)$/.test(name)),
      [],
    );
    assert.deepEqual(
      names.filter((name) => /^usr\/local\/lib\/sluice\/(src|test)\//.test(name)),
      [],
    );
    assert.deepEqual(
      names.filter((name) => /\.([cm]?ts|map)$/.test(name)),
      [],
    );
  });

  it('belongs to root, and nobody else may write to it', () => {
    const loose = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => {
      const path = join(root, name);
      if (name === 'tmp' || !existsSync(path)) return false;
      const { mode, uid } = statSync(path);
      return uid !== 0 || (mode & 0o022) !== 0;
    });
    assert.deepEqual(loose, []);
  });

  it('runs its commands', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'usr/local/lib/sluice/package.json'), 'utf8')) as {
      version: string;
    };
    assert.deepEqual(await run(root, [...settings.entrypoint, '--version']), {
      code: 0,
      stdout: `sluice ${version}\n`,
      stderr: '',
    });
  });

  it('says in one line that there is no configuration', async () => {
    const { code, stderr } = await run(root, [...settings.entrypoint, ...settings.command]);
    assert.deepEqual([code, stderr], [1, '/etc/sluice/sluice.yaml: cannot be read: there is no such file\n']);
  });

  it('cannot be written to', { skip: privileges.readOnly ? false : 'no read-only mounts here' }, async () => {
    const { code, stderr } = await run(root, ['node', '-e', "require('fs').writeFileSync('/tmp/x', '')"]);
    assert.equal(code, 1);
    assert.match(stderr, /EROFS/);
  });

  it('answers, limits in memory and in Redis, checks its health, and drains on the stop signal', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let asked = 0;
    await using redis = await startRedis();
    await using upstream = await startUpstream(async (incoming, response) => {
      if (incoming.url === '/slow') {
        asked++;
        await promise;
      }
      response.end('hello');
    });
    const [port, admin] = [await freePort(), await freePort()];
    const config = {
      listen: `0.0.0.0:${port}`,
      admin: { listen: `0.0.0.0:${admin}`, token: 'a-token-long-enough' },
      redis: { url: redis.url },
      upstreams: { app: { servers: [upstream.url] } },
      routes: [
        { match: { path: '/shared' }, upstream: 'app', limits: ['shared'] },
        { match: { path: '/local' }, upstream: 'app', limits: ['local'] },
        { upstream: 'app' },
      ],
      limits: {
        shared: { key: 'ip', rate: '2/1h', sharing: 'redis', onFailure: 'deny' },
        local: { key: 'ip', rate: '1/1h', sharing: 'local' },
      },
    };
    writeFileSync(join(root, 'etc/sluice/sluice.yaml'), JSON.stringify(config));
    const gateway = enter(root, settings.user, [...settings.entrypoint, ...settings.command]);
    try {
      const output = outputOf(gateway);
      await eventually(
        'it is ready',
        () => {
          assert.equal(gateway.exitCode, null, output.stderr);
          return output.stdout.includes('listening on');
        },
        { within: 20_000 },
      );

      const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8');
      assert.match(status, /^Uid:\t65532\t65532\t65532\t65532$/m);
      assert.match(status, /^CapEff:\t0+$/m);

      const answers = async (path: string, times: number): Promise<number[]> => {
        const got: number[] = [];
        for (let i = 0; i < times; i++) got.push((await request({ port, path })).status);
        return got;
      };
      assert.deepEqual(await answers('/shared', 3), [200, 200, 429]);
      assert.deepEqual(await answers('/local', 2), [200, 429]);

      const healthcheck = [...settings.healthcheck, '--admin', `127.0.0.1:${admin}`];
      const healthy = `healthy: http://127.0.0.1:${admin}/readyz answered 200\n`;
      assert.deepEqual(await run(root, healthcheck), { code: 0, stdout: healthy, stderr: '' });
      const byFile = [...settings.healthcheck, '--config', '/etc/sluice/sluice.yaml'];
      assert.equal((await run(root, byFile)).stdout, healthy);

      const slow = request({ port, path: '/slow' });
      await eventually('a request runs', () => asked === 1);
      gateway.kill(settings.stopSignal as NodeJS.Signals);
      const drains = await eventually('it drains', async () => {
        const checked = await run(root, healthcheck);
        return checked.code === 1 ? checked.stderr : undefined;
      });
      assert.match(drains, /^unhealthy: \S+ answered 503: /);
      resolve();
      const reply = await slow;
      assert.deepEqual([reply.status, reply.text()], [200, 'hello']);
      await eventually('it has ended', () => gateway.exitCode !== null || gateway.signalCode !== null, {
        within: 15_000,
      });
      assert.equal(gateway.exitCode, 0, output.stderr);
    } finally {
      await end(gateway, 'SIGKILL');
    }
  });
});
