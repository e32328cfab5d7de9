/** Wrong values are refused before anything is installed, and the message names them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { config, tryRender } from './chart.ts';

/** Values, and what helm says: a path of the schema, or a line of a template. */
type Case = readonly [what: string, values: object, said: RegExp];

const BY_SCHEMA: readonly Case[] = [
  ['an unknown value', { replicas: 2 }, /at '': additional properties 'replicas' not allowed/],
  ['an unknown value inside', { image: { name: 'x' } }, /at '\/image': additional properties 'name' not allowed/],
  ['a number as text', { replicaCount: '2' }, /at '\/replicaCount': got string, want integer/],
  ['a word that is none', { service: { type: 'ClusterIp' } }, /at '\/service\/type': value must be one of 'ClusterIP'/],
  ['a port that is none', { ports: { http: 70_000 } }, /at '\/ports\/http': maximum: got 70,?000, want 65,?535/],
  ['a digest that is none', { image: { digest: 'sha256:12' } }, /at '\/image\/digest': .*does not match pattern/],
  [
    'a peer secret that is too short',
    { secrets: { peerSecret: 'short' } },
    /at '\/secrets\/peerSecret': .*does not match/,
  ],
  ['an Ingress without host', { ingress: { hosts: [{}] } }, /at '\/ingress\/hosts\/0': missing property 'host'/],
  ['a probe with an unknown setting', { probes: { liveness: { period: 1 } } }, /at '\/probes\/liveness': additional/],
  ['a negative time', { preStopSeconds: -1 }, /at '\/preStopSeconds': minimum/],
  ['a configuration without routes', { config: { upstreams: {} } }, /at '\/config': missing property 'routes'/],
  [
    'a setting that the gateway does not know',
    { config: config({ limits: { 'per-client': { key: 'ip', raet: '1/1s' } } }) },
    /at '\/config\/limits\/per-client': additional properties 'raet' not allowed/,
  ],
  [
    'a rate that is none',
    { config: config({ limits: { 'per-client': { key: 'ip', rate: 'often' } } }) },
    /at '\/config\/limits\/per-client\/rate': 'often' does not match pattern/,
  ],
  [
    'a way of sharing that is none',
    { config: config({ limits: { 'per-client': { key: 'ip', rate: '1/1s', sharing: 'gosip' } } }) },
    /at '\/config\/limits\/per-client\/sharing': value must be one of .*'gossip'/,
  ],
  ['a peers setting that is none', { config: config({ peers: { fanuot: 3 } }) }, /at '\/config\/peers': additional/],
];

const mesh = { limits: { 'per-client': { key: 'ip', rate: '1/1s', sharing: 'mesh' } } };
const redis = { url: 'redis://redis:6379' };

const BY_TEMPLATES: readonly Case[] = [
  ['an address that the chart sets', { config: config({ listen: '0.0.0.0:80' }) }, /config\.listen: the chart sets it/],
  [
    'the admin address',
    { config: config({ admin: { listen: '0.0.0.0:9' } }) },
    /config\.admin\.listen: .*ports\.admin/,
  ],
  ['the admin token', { config: config({ admin: { token: 'x' } }) }, /config\.admin\.token: .*secrets\.adminToken/],
  ['peers.listen', { config: config({ peers: { listen: '0.0.0.0:1' } }) }, /config\.peers\.listen: .*ports\.peers/],
  ['peers.secret', { config: config({ peers: { secret: 'x' } }) }, /config\.peers\.secret: .*secrets\.peerSecret/],
  ['Redis without servers', { config: config({ redis: {} }) }, /config\.redis: has none of url, cluster and sentinel/],
  ['two Redis', { redis: { enabled: true }, config: config({ redis }) }, /config\.redis\.url: redis\.enabled brings/],
  [
    'the URL of one Redis and the nodes of another',
    { secrets: { redisUrl: 'redis://x' }, config: config({ redis: { cluster: ['redis://y'] } }) },
    /config\.redis\.cluster: secrets has Redis' URL/,
  ],
  ['a password without Redis', { secrets: { redisPassword: 'x' }, config: config() }, /config\.redis is missing/],
  [
    'a password without sentinels',
    { secrets: { sentinelPassword: 'x' }, config: config({ redis }) },
    /sentinel is missing/,
  ],
  ['a password without etcd', { secrets: { etcdPassword: 'x' }, config: config() }, /config\.etcd is missing/],
  [
    'a secret in two places',
    { secrets: { existingSecret: 's', adminToken: 'x' }, config: config() },
    /secrets\.adminToken: goes into secrets\.existingSecret/,
  ],
  [
    'an existing Secret without what is needed',
    { secrets: { existingSecret: 's', keys: { peerSecret: '' } }, config: config(mesh) },
    /secrets\.keys\.peerSecret: empty, but secrets\.existingSecret must hold it/,
  ],
  [
    'a grace period in which requests would be cut off',
    { terminationGracePeriodSeconds: 29 },
    /terminationGracePeriodSeconds: 29 is less than preStopSeconds, config\.shutdownDelay and config\.shutdownTimeout together \(30\)/,
  ],
  [
    'a grace period shorter than the delay',
    { terminationGracePeriodSeconds: 31, config: config({ shutdownDelay: '2s' }) },
    /is less than preStopSeconds, config\.shutdownDelay and config\.shutdownTimeout together \(32\)/,
  ],
  [
    'a shutdown time from the environment',
    { config: config({ shutdownTimeout: '$'.concat('{T}') }) },
    /config\.shutdownTimeout: .* set terminationGracePeriodSeconds/,
  ],
  [
    'more at least than at most',
    { autoscaling: { enabled: true, minReplicas: 11 } },
    /autoscaling\.minReplicas: 11 is more/,
  ],
  [
    'an autoscaler that looks at nothing',
    { autoscaling: { enabled: true, targetCPUUtilizationPercentage: null } },
    /autoscaling: has neither/,
  ],
];

for (const [who, cases] of [
  ['the schema', BY_SCHEMA],
  ['the templates', BY_TEMPLATES],
] as const) {
  describe(`refused by ${who}`, { concurrency: 2 }, () => {
    for (const [what, values, said] of cases) {
      it(what, async () => {
        const { code, stdout, stderr } = await tryRender({ values });
        assert.notEqual(code, 0);
        assert.equal(stdout, '');
        assert.match(stderr, said);
      });
    }
  });
}
