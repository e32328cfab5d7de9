/** What changes in the objects when a value changes, and what never does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Rendered } from './chart.ts';
import { at, CHART, ciFiles, config, configOf, container, helm, list, render } from './chart.ts';

const limits = (sharing: string): object => ({ limits: { 'per-client': { key: 'ip', rate: '100/1m', sharing } } });
const pod = (rendered: Rendered, name = '-sluice'): unknown => at(rendered.one('Deployment', name), 'spec', 'template');
const annotations = (rendered: Rendered): unknown => at(pod(rendered), 'metadata', 'annotations');

describe('the deployment', { concurrency: 2 }, () => {
  it('has as many replicas as said, and leaves them to the autoscaler when there is one', async () => {
    assert.equal(at((await render({ values: { replicaCount: 5 } })).one('Deployment'), 'spec', 'replicas'), 5);
    const scaled = await render({ values: { replicaCount: 5, autoscaling: { enabled: true, maxReplicas: 7 } } });
    assert.equal(at(scaled.one('Deployment'), 'spec', 'replicas'), undefined);
    const spec = at(scaled.one('HorizontalPodAutoscaler'), 'spec');
    assert.deepEqual([at(spec, 'minReplicas'), at(spec, 'maxReplicas')], [2, 7]);
    assert.equal(at(spec, 'scaleTargetRef', 'name'), scaled.one('Deployment').metadata.name);
  });

  it('runs the chart’s version, another tag, or a digest', async () => {
    const image = async (values: object): Promise<unknown> => at(container(await render({ values })), 'image');
    assert.equal(await image({}), 'sluice:0.1.0');
    assert.equal(await image({ image: { repository: 'r.example/s', tag: 'x' } }), 'r.example/s:x');
    const digest = `sha256:${'a'.repeat(64)}`;
    assert.equal(await image({ image: { tag: 'x', digest } }), `sluice@${digest}`);
  });

  it('gives requests the time that the configuration gives them', async () => {
    const cases: readonly (readonly [values: object, seconds: number])[] = [
      [{}, 35],
      [{ config: config({ shutdownTimeout: '1m' }) }, 70],
      [{ config: config({ shutdownTimeout: '1500ms' }) }, 12],
      [{ config: config({ shutdownTimeout: 0 }), preStopSeconds: 0 }, 5],
      [{ config: config({ shutdownDelay: '10s' }) }, 45],
      [{ preStopSeconds: 20, terminationGracePeriodSeconds: 100 }, 100],
    ];
    for (const [values, seconds] of cases) {
      assert.equal(
        at(pod(await render({ values })), 'spec', 'terminationGracePeriodSeconds'),
        seconds,
        JSON.stringify(values),
      );
    }
    const sleep = async (preStopSeconds: number): Promise<unknown> =>
      at(container(await render({ values: { preStopSeconds } })), 'lifecycle', 'preStop', 'sleep', 'seconds');
    assert.deepEqual([await sleep(7), await sleep(0)], [7, undefined]);
  });

  it('is rolled out anew for a changed configuration, unless gateways read it live', async () => {
    const sum = async (key: string, values: object): Promise<unknown> => at(annotations(await render({ values })), key);
    const [a, b] = [config(), config({ headers: 'both' })];
    assert.equal(await sum('checksum/config', { config: a }), await sum('checksum/config', { config: a }));
    assert.notEqual(await sum('checksum/config', { config: a }), await sum('checksum/config', { config: b }));
    assert.equal(await sum('checksum/config', { config: a, configReload: 'live' }), undefined);
    const withToken = (adminToken: string): object => ({ config: a, configReload: 'live', secrets: { adminToken } });
    assert.equal(await sum('checksum/secrets', withToken('one')), await sum('checksum/secrets', withToken('one')));
    assert.notEqual(await sum('checksum/secrets', withToken('one')), await sum('checksum/secrets', withToken('two')));
  });

  it('mounts the configuration’s folder, since a file of it alone would never change', async () => {
    const rendered = await render({ values: { config: config() } });
    assert.deepEqual(at(container(rendered), 'args'), ['run', '--config', '/etc/sluice/sluice.yaml']);
    assert.deepEqual(at(container(rendered), 'volumeMounts'), [
      { name: 'config', mountPath: '/etc/sluice', readOnly: true },
    ]);
    assert.equal(at(pod(rendered), 'spec', 'volumes', 0, 'configMap', 'name'), rendered.one('ConfigMap').metadata.name);
  });

  it('without configuration is the demonstration, shared when there is a Redis', async () => {
    const alone = await render();
    assert.deepEqual(at(container(alone), 'args'), ['run', '--listen', '0.0.0.0:8080', '--admin', '0.0.0.0:9090']);
    assert.equal(alone.has('ConfigMap'), false);
    const shared = await render({ values: { redis: { enabled: true } } });
    const url = list(at(container(shared), 'env')).find((entry) => at(entry, 'name') === 'SLUICE_REDIS_URL');
    assert.equal(at(url, 'value'), 'redis://:$(SLUICE_REDIS_PASSWORD)@rel-sluice-redis:6379');
  });

  it('spreads over nodes and zones, or as said, and always among its own', async () => {
    const spread = async (values: object): Promise<readonly unknown[]> =>
      list(at(pod(await render({ values })), 'spec', 'topologySpreadConstraints'));
    const usual = await spread({});
    assert.deepEqual(
      usual.map((each) => at(each, 'topologyKey')),
      ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'],
    );
    assert.equal(at(usual[0], 'labelSelector', 'matchLabels', 'app.kubernetes.io/component'), 'gateway');
    const own = await spread({
      topologySpreadConstraints: [{ maxSkew: 3, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule' }],
    });
    assert.deepEqual([own.length, at(own[0], 'maxSkew')], [1, 3]);
    assert.equal(at(own[0], 'labelSelector', 'matchLabels', 'app.kubernetes.io/component'), 'gateway');
    assert.deepEqual(await spread({ topologySpreadConstraints: [] }), []);
  });
});

describe('services', { concurrency: 2 }, () => {
  it('keep the admin listener apart from what clients reach', async () => {
    const rendered = await render({
      values: { service: { type: 'LoadBalancer', port: 8443 }, ports: { http: 8000, admin: 9000 } },
    });
    const [clients, admin] = [rendered.one('Service', '-sluice'), rendered.one('Service', '-admin')];
    assert.deepEqual(
      list(at(clients, 'spec', 'ports')).map((port) => [at(port, 'port'), at(port, 'targetPort')]),
      [[8443, 'http']],
    );
    assert.deepEqual([at(admin, 'spec', 'type'), at(admin, 'spec', 'ports', 0, 'port')], ['ClusterIP', 9000]);
    assert.deepEqual(
      list(at(container(rendered), 'ports')).map((port) => at(port, 'containerPort')),
      [8000, 9000],
    );
  });

  it('and policies select the gateways, and neither the test nor the Redis', async () => {
    const rendered = await render({ files: [ciFiles().get('everything') ?? ''] });
    const labels = (manifest: unknown): Record<string, unknown> =>
      at(manifest, 'metadata', 'labels') as Record<string, unknown>;
    const pods = {
      gateway: labels(pod(rendered, 'rel-sluice')),
      redis: labels(pod(rendered, '-redis')),
      test: labels(rendered.one('Pod')),
    };
    const selected = (selector: unknown): string[] =>
      Object.entries(pods)
        .filter(([, own]) => Object.entries(selector as object).every(([key, value]) => own[key] === value))
        .map(([name]) => name);
    for (const manifest of rendered.manifests) {
      const selector =
        manifest.kind === 'Service'
          ? at(manifest, 'spec', 'selector')
          : (at(manifest, 'spec', 'podSelector', 'matchLabels') ?? at(manifest, 'spec', 'selector', 'matchLabels'));
      if (selector === undefined || manifest.kind === 'ServiceMonitor') continue;
      const expected = manifest.metadata.name.endsWith('-redis') ? ['redis'] : ['gateway'];
      assert.deepEqual(selected(selector), expected, `${manifest.kind} ${manifest.metadata.name}`);
    }
    const monitored = at(rendered.one('ServiceMonitor'), 'spec', 'selector', 'matchLabels') as Record<string, unknown>;
    const services = rendered.manifests.filter(
      ({ kind, metadata }) =>
        kind === 'Service' && Object.entries(monitored).every(([key, value]) => at(metadata, 'labels', key) === value),
    );
    assert.equal(at(rendered.one('ServiceMonitor'), 'spec', 'jobLabel'), 'app.kubernetes.io/instance');
    assert.deepEqual(
      services.map(({ metadata }) => metadata.name),
      ['rel-sluice-admin'],
    );
    for (const { kind, metadata } of rendered.manifests) assert.equal(at(metadata, 'labels', 'team'), 'orders', kind);
  });

  it('have names that fit, whatever the release is called', async () => {
    const rendered = await render({
      values: { fullnameOverride: 'x'.repeat(80), redis: { enabled: true }, config: config(limits('mesh')) },
    });
    for (const { metadata } of rendered.manifests) assert.ok(metadata.name.length <= 63, metadata.name);
    assert.match(
      configOf(rendered),
      new RegExp(`dns: ${rendered.one('Service', '-peers').metadata.name}\\.shop\\.svc`),
    );
  });
});

describe('the network policy', { concurrency: 2 }, () => {
  const from = async (values: object, port: string): Promise<readonly unknown[] | undefined> => {
    const rendered = await render({
      values: { networkPolicy: { enabled: true, ...values }, config: config(limits('mesh')) },
    });
    const rules = list(at(rendered.one('NetworkPolicy', '-sluice'), 'spec', 'ingress'));
    const rule = rules.find((each) => at(each, 'ports', 0, 'port') === port);
    const peers = at(rule, 'from');
    return peers === undefined ? undefined : list(peers).map((peer) => at(peer, 'podSelector', 'matchLabels'));
  };
  const component = (labels: unknown): unknown => at(labels, 'app.kubernetes.io/component');

  it('lets everybody send requests, or those who are named and helm test', async () => {
    assert.equal(await from({}, 'http'), undefined);
    const named = (await from({ from: [{ podSelector: { matchLabels: { app: 'web' } } }] }, 'http')) ?? [];
    assert.deepEqual([named.length, at(named[0], 'app'), component(named[1])], [2, 'web', 'test']);
  });

  it('lets nobody but helm test reach the admin listener when nobody is named', async () => {
    assert.deepEqual(((await from({ adminFrom: [] }, 'admin')) ?? []).map(component), ['test']);
  });

  it('lets only gateways talk to gateways', async () => {
    assert.deepEqual(((await from({}, 'peers-tcp')) ?? []).map(component), ['gateway']);
  });
});

describe('what can be left out', { concurrency: 2 }, () => {
  const optional: readonly (readonly [kind: string, values: object])[] = [
    ['Ingress', { ingress: { enabled: true, hosts: [{ host: 'a.example' }] } }],
    ['NetworkPolicy', { networkPolicy: { enabled: true } }],
    ['ServiceMonitor', { metrics: { serviceMonitor: { enabled: true } } }],
    ['HorizontalPodAutoscaler', { autoscaling: { enabled: true } }],
  ];
  for (const [kind, values] of optional) {
    it(`${kind} is there when asked for`, async () => {
      assert.equal((await render()).has(kind), false);
      assert.equal((await render({ values })).has(kind), true);
    });
  }

  it('PodDisruptionBudget is there unless refused, in either form', async () => {
    const spec = async (values: object): Promise<unknown> =>
      at((await render({ values: { podDisruptionBudget: values } })).one('PodDisruptionBudget'), 'spec');
    assert.equal(at(await spec({}), 'maxUnavailable'), 1);
    const other = await spec({ minAvailable: '50%' });
    assert.deepEqual([at(other, 'minAvailable'), at(other, 'maxUnavailable')], ['50%', undefined]);
    assert.equal(
      (await render({ values: { podDisruptionBudget: { enabled: false } } })).has('PodDisruptionBudget'),
      false,
    );
  });

  it('ServiceAccount is made, or another is used', async () => {
    const rendered = await render({ values: { serviceAccount: { create: false, name: 'other' } } });
    assert.equal(rendered.has('ServiceAccount'), false);
    assert.equal(at(pod(rendered), 'spec', 'serviceAccountName'), 'other');
  });
});

describe('every pod', () => {
  it('is what Pod Security calls restricted, and has no token of the cluster', async () => {
    for (const [name, file] of ciFiles()) {
      const rendered = await render({ files: [file] });
      const pods = rendered.manifests
        .filter(({ kind }) => kind === 'Deployment' || kind === 'Pod')
        .map((each) => (each.kind === 'Pod' ? at(each, 'spec') : at(each, 'spec', 'template', 'spec')));
      assert.ok(pods.length >= 2, name);
      for (const spec of pods) {
        assert.equal(at(spec, 'automountServiceAccountToken'), false);
        assert.equal(at(spec, 'securityContext', 'runAsNonRoot'), true);
        assert.equal(at(spec, 'securityContext', 'seccompProfile', 'type'), 'RuntimeDefault');
        for (const each of list(at(spec, 'containers'))) {
          const security = at(each, 'securityContext');
          assert.deepEqual(at(security, 'capabilities', 'drop'), ['ALL']);
          assert.equal(at(security, 'allowPrivilegeEscalation'), false);
          assert.equal(at(security, 'readOnlyRootFilesystem'), true);
        }
      }
    }
  });
});

describe('the notes', { concurrency: 2 }, () => {
  const notes = async (...args: readonly string[]): Promise<string> => {
    const { stdout, stderr, code } = await helm(['install', 'rel', CHART, '-n', 'shop', '--dry-run=client', ...args]);
    assert.equal(code, 0, stderr);
    return stdout.slice(stdout.indexOf('NOTES:'));
  };
  it('say how to see the demonstration refuse', async () => {
    assert.match(await notes(), /port-forward svc\/rel-sluice 8080:80 &[\s\S]*curl/);
  });
  it('say how to see the limits, with the token from where it is', async () => {
    const text = await notes('-f', ciFiles().get('redis-cluster') ?? '');
    assert.match(text, /get secret orders-gateway -o jsonpath='\{\.data\.admin-token\}'/);
    assert.match(text, /helm -n shop test rel/);
  });
  it('warn of limits that several gateways count alone', async () => {
    const local = ciFiles().get('local') ?? '';
    assert.match(await notes('-f', local, '--set', 'replicaCount=2'), /counted by each gateway alone.*: per-client\./);
    assert.doesNotMatch(await notes('-f', local), /counted by each gateway alone/);
    assert.doesNotMatch(await notes('-f', ciFiles().get('redis') ?? ''), /counted by each gateway alone/);
  });
});
