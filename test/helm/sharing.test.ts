/** What the chart does for sharing between gateways, and where secrets come from and go. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Rendered } from './chart.ts';
import { at, config, configOf, container, list, render } from './chart.ts';

const limits = (sharing: string): object => ({ limits: { 'per-client': { key: 'ip', rate: '100/1m', sharing } } });
const annotations = (rendered: Rendered): unknown =>
  at(rendered.one('Deployment', '-sluice'), 'spec', 'template', 'metadata', 'annotations');
const envOf = (rendered: Rendered): Map<unknown, unknown> =>
  new Map(
    list(at(container(rendered), 'env')).map((entry) => [at(entry, 'name'), at(entry, 'valueFrom', 'secretKeyRef')]),
  );
const secretValue = (rendered: Rendered, key: string): string =>
  Buffer.from(String(at(rendered.one('Secret'), 'data', key)), 'base64').toString();

describe('sharing between gateways', { concurrency: 2 }, () => {
  for (const sharing of ['mesh', 'gossip', 'random-leaders']) {
    it(`${sharing}: needs nothing but the word`, async () => {
      const rendered = await render({ values: { config: config(limits(sharing)) } });
      const service = at(rendered.one('Service', '-peers'), 'spec');
      assert.deepEqual([at(service, 'clusterIP'), at(service, 'publishNotReadyAddresses')], ['None', true]);
      assert.deepEqual(
        list(at(service, 'ports')).map((port) => [at(port, 'port'), at(port, 'protocol')]),
        [
          [7946, undefined],
          [7946, 'UDP'],
        ],
      );
      const text = configOf(rendered);
      for (const line of ['listen: 0.0.0.0:7946', 'dns: rel-sluice-peers.shop.svc'])
        assert.ok(text.includes(line), text);
      assert.match(text, /advertise: \$\{SLUICE_POD_IP\}:7946/);
      const ip = list(at(container(rendered), 'env')).find((entry) => at(entry, 'name') === 'SLUICE_POD_IP');
      assert.equal(at(ip, 'valueFrom', 'fieldRef', 'fieldPath'), 'status.podIP');
      assert.ok(secretValue(rendered, 'peer-secret').length >= 16);
    });
  }

  it('is not set up for limits that do without', async () => {
    const rendered = await render({ values: { config: config(limits('local')) } });
    assert.equal(rendered.has('Service', '-peers'), false);
    assert.doesNotMatch(configOf(rendered), /peers/);
    assert.deepEqual(
      list(at(container(rendered), 'ports')).map((port) => at(port, 'name')),
      ['http', 'admin'],
    );
  });

  it('redis: tells gateways how many they are, for as long as Redis has not', async () => {
    const redis = { url: 'redis://r:6379' };
    const told = async (values: object): Promise<string | undefined> =>
      /^ {2}instances: (\d+)$/m.exec(configOf(await render({ values: { config: config({ redis }), ...values } })))?.[1];
    assert.equal(await told({ replicaCount: 5 }), '5');
    assert.equal(await told({ autoscaling: { enabled: true, maxReplicas: 12 } }), '12');
    assert.equal(await told({ replicaCount: 5, config: config({ redis: { ...redis, instances: 7 } }) }), '7');
    assert.equal(await told({ config: config() }), undefined);
  });

  it('scaling makes nobody start anew', async () => {
    const of = async (replicaCount: number): Promise<unknown> => {
      const redis = { url: 'redis://r:6379' };
      return annotations(
        await render({ values: { replicaCount, configReload: 'rollout', config: config({ redis }) } }),
      );
    };
    assert.deepEqual(await of(3), await of(5));
  });

  it('leaves to the configuration what it says itself', async () => {
    const peers = { interval: '1s', discovery: { file: '/peers/peers.txt' } };
    const text = configOf(await render({ values: { config: config({ ...limits('mesh'), peers }) } }));
    assert.match(text, /interval: 1s/);
    assert.match(text, /file: \/peers\/peers\.txt/);
    assert.doesNotMatch(text, /dns:/);
  });

  it('writes IPv6 addresses as such', async () => {
    const text = configOf(await render({ values: { ipFamily: 'IPv6', config: config(limits('mesh')) } }));
    assert.match(text, /advertise: '\[\$\{SLUICE_POD_IP\}\]:7946'/);
    assert.match(text, /^listen: '\[::\]:8080'$/m);
  });
});

describe('secrets', { concurrency: 2 }, () => {
  it('are made at random where none is given, and are those given where some are', async () => {
    const [one, two] = [await render({ values: { config: config() } }), await render({ values: { config: config() } })];
    assert.match(secretValue(one, 'admin-token'), /^[A-Za-z0-9]{40}$/);
    assert.notEqual(secretValue(one, 'admin-token'), secretValue(two, 'admin-token'));
    assert.deepEqual(annotations(one), annotations(two));
    const given = await render({ values: { config: config(), secrets: { adminToken: 'my-token' } } });
    assert.equal(secretValue(given, 'admin-token'), 'my-token');
  });

  it('are taken from a Secret that is there', async () => {
    const secrets = { existingSecret: 'theirs', keys: { adminToken: 'a', redisUrl: 'u', peerSecret: 'p' } };
    const rendered = await render({ values: { config: config(), secrets } });
    assert.equal(rendered.has('Secret'), false);
    const env = envOf(rendered);
    assert.deepEqual(env.get('SLUICE_ADMIN_TOKEN'), { name: 'theirs', key: 'a' });
    assert.deepEqual(env.get('SLUICE_REDIS_URL'), { name: 'theirs', key: 'u' });
    assert.equal(env.has('SLUICE_PEER_SECRET'), false, 'nothing is shared between gateways');
    assert.match(configOf(rendered), /url: \$\{SLUICE_REDIS_URL\}/);
  });

  it('never appear outside of the Secret', async () => {
    const secret = 'do-not-show-me-anywhere';
    const redis = { sentinel: { name: 'm', nodes: ['s:26379'] } };
    const etcd = { endpoints: ['http://etcd:2379'] };
    const names = ['adminToken', 'peerSecret', 'redisPassword', 'sentinelPassword', 'etcdPassword'];
    const secrets = Object.fromEntries(names.map((name) => [name, `${secret}-${name}`]));
    const rendered = await render({ values: { config: config({ redis, etcd, ...limits('leader') }), secrets } });
    const others = rendered.manifests.filter(({ kind }) => kind !== 'Secret');
    assert.ok(!JSON.stringify(others).includes(secret));
    assert.equal(Object.keys(at(rendered.one('Secret'), 'data') as object).length, names.length);
  });
});
