/**
 * Secrets that the chart made up stay over upgrades. Helm asks the cluster for them; here a server answers that knows the
 * few objects it asks about, since no API server of Kubernetes is to be had.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { at, CHART, ciFiles, helm } from './chart.ts';

const KINDS: Readonly<Record<string, readonly (readonly [kind: string, name: string])[]>> = {
  v1: [
    ['Secret', 'secrets'],
    ['Service', 'services'],
    ['ServiceAccount', 'serviceaccounts'],
    ['ConfigMap', 'configmaps'],
    ['Pod', 'pods'],
  ],
  'apps/v1': [['Deployment', 'deployments']],
  'policy/v1': [['PodDisruptionBudget', 'poddisruptionbudgets']],
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const BEFORE = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: 'rel-sluice-secrets',
    namespace: 'shop',
    labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { 'meta.helm.sh/release-name': 'rel', 'meta.helm.sh/release-namespace': 'shop' },
  },
  data: { 'admin-token': base64('from-before'), 'peer-secret': base64('from-before-and-long-enough') },
};

/** What the API answers at a path; undefined: 404. */
function answer(path: string): object | undefined {
  const group = /^\/apis?\/(.+)$/.exec(path)?.[1] ?? '';
  if (path === '/version') return { major: '1', minor: '36', gitVersion: 'v1.36.0' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') {
    const groups = Object.keys(KINDS)
      .filter((version) => version.includes('/'))
      .map((groupVersion) => {
        const [name = '', version = ''] = groupVersion.split('/');
        return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } };
      });
    return { kind: 'APIGroupList', apiVersion: 'v1', groups };
  }
  if (path === '/api/v1/namespaces/shop/secrets/rel-sluice-secrets') return BEFORE;
  const kinds = KINDS[group];
  if (kinds === undefined) return undefined;
  const resources = kinds.map(([kind, name]) => ({ name, singularName: '', namespaced: true, kind, verbs: ['get'] }));
  return { kind: 'APIResourceList', groupVersion: group, resources };
}

describe('an upgrade', () => {
  let server: Server;
  before(async () => {
    server = createServer((request, response) => {
      const found = answer(new URL(request.url ?? '', 'http://x').pathname);
      response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(found ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 }),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => void server.close());

  const secretsAfter = async (...args: readonly string[]): Promise<Record<string, string>> => {
    const { port } = server.address() as AddressInfo;
    const cluster = [
      '--dry-run=server',
      '--disable-openapi-validation',
      '--kube-apiserver',
      `http://127.0.0.1:${port}`,
    ];
    const values = ['-f', ciFiles().get('mesh') ?? '', ...args];
    const show = ['-s', 'templates/secret.yaml'];
    const { code, stdout, stderr } = await helm([
      'template',
      'rel',
      CHART,
      '-n',
      'shop',
      ...cluster,
      ...values,
      ...show,
    ]);
    assert.equal(code, 0, stderr);
    const data = at(parse(stdout), 'data') as Record<string, string>;
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    );
  };

  it('keeps the secrets that are there', async () => {
    const kept = { 'admin-token': 'from-before', 'peer-secret': 'from-before-and-long-enough' };
    assert.deepEqual(await secretsAfter(), kept);
  });

  it('makes up those that are new, and takes those that are given', async () => {
    const now = await secretsAfter('--set', 'secrets.adminToken=given', '--set', 'redis.enabled=true');
    assert.deepEqual([now['admin-token'], now['peer-secret']], ['given', 'from-before-and-long-enough']);
    assert.match(now['redis-password'] ?? '', /^[A-Za-z0-9]{40}$/);
  });
});
