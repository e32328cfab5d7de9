/** Every `ci/*-values.yaml`: helm lints it, Kubernetes knows every field of what it renders, the gateway takes the configuration. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { checkFile } from '../../src/config/check.ts';
import type { Certificates } from '../support/certificates.ts';
import { createCertificates } from '../support/certificates.ts';
import type { Manifest, Rendered } from './chart.ts';
import { at, CHART, ciFiles, configOf, container, helm, render } from './chart.ts';
import { typeFaults, validate } from './kubernetes-types.ts';

const SHARINGS = ['local', 'redis', 'redis-cluster', 'redis-sentinel', 'mesh', 'gossip', 'leader', 'random-leaders'];

/** What the container's environment would be: values of the chart's Secret, of the pod, and any for what is elsewhere. */
function environment(rendered: Rendered, podIp: string): Record<string, string> {
  const secret = rendered.has('Secret') ? at(rendered.one('Secret'), 'data') : {};
  const entries = (at(container(rendered), 'env') ?? []) as readonly Manifest[];
  return Object.fromEntries(
    entries.map((entry) => {
      const key = at(entry, 'valueFrom', 'secretKeyRef', 'key');
      const encoded = at(secret, String(key));
      if (at(entry, 'valueFrom', 'fieldRef', 'fieldPath') === 'status.podIP') return [String(entry['name']), podIp];
      if (key === undefined) return [String(entry['name']), String(at(entry, 'value'))];
      if (typeof encoded === 'string') return [String(entry['name']), Buffer.from(encoded, 'base64').toString()];
      assert.ok(!rendered.has('Secret'), `the chart's Secret lacks ${String(key)}`);
      return [String(entry['name']), 'from-a-secret-that-is-there-already'];
    }),
  );
}

describe('values for each way of sharing', { concurrency: 2 }, () => {
  const files = ciFiles();
  const rendered = new Map<string, Rendered>();
  const dir = mkdtempSync(join(tmpdir(), 'sluice-chart-'));
  let certificates: Certificates;
  before(async () => {
    certificates = await createCertificates();
    for (const [name, file] of files) rendered.set(name, await render({ files: [file] }));
    rendered.set('default', await render());
  });
  after(() => {
    certificates.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  it('are there', () =>
    assert.deepEqual(
      SHARINGS.filter((name) => !files.has(name)),
      [],
    ));

  it('pass helm lint --strict, as does the chart by itself', async () => {
    for (const file of [undefined, ...files.values()]) {
      const { code, stdout, stderr } = await helm([
        'lint',
        '--strict',
        CHART,
        ...(file === undefined ? [] : ['-f', file]),
      ]);
      assert.equal(code, 0, `${file}: ${stdout}${stderr}`);
      assert.doesNotMatch(stdout, /\[(WARNING|ERROR)\]/);
    }
  });

  it('render objects that Kubernetes knows, with every field', async () => {
    const all = [...rendered].flatMap(([name, { manifests }]) => manifests.map((manifest) => ({ name, manifest })));
    const deployment = rendered.get('mesh')?.one('Deployment') ?? assert.fail();
    // Two with a field that there is not, to see that it would be found, on top and deep inside.
    const wrong = [{ ...deployment, replicsa: 3 }, structuredClone(deployment)];
    const inner = at(wrong[1], 'spec', 'template', 'spec', 'containers', 0, 'securityContext') as Record<
      string,
      boolean
    >;
    inner['readOnlyRootFileSystem'] = true;
    const faults = typeFaults([...all.map(({ manifest }) => manifest), ...wrong]);
    const named = all.flatMap(({ name, manifest: { kind, metadata } }, i) =>
      (faults[i] ?? []).map((fault) => `${name}: ${kind} ${metadata.name}: ${fault}`),
    );
    assert.deepEqual(named, []);
    assert.match(faults.at(-2)?.join() ?? '', /'"replicsa"' does not exist/);
    assert.match(faults.at(-1)?.join() ?? '', /'"readOnlyRootFileSystem"' does not exist/);
    for (const { name, manifest } of all) {
      await assert.doesNotReject(validate(manifest), `${name}: ${manifest.kind} ${manifest.metadata.name}`);
    }
    await assert.rejects(validate({ ...deployment, spec: { selector: 3 } }));
  });

  it('render objects of different names, short enough, in the release’s namespace', () => {
    for (const [name, { manifests }] of rendered) {
      const ids = manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      assert.equal(new Set(ids).size, ids.length, name);
      for (const { metadata } of manifests) {
        assert.ok(metadata.name.length <= 63, metadata.name);
        assert.match(String(metadata['namespace']), /^(shop|monitoring)$/);
      }
    }
  });

  for (const name of files.keys()) {
    if (name === 'try') continue;
    it(`${name}: sluice check takes the configuration`, () => {
      const each = rendered.get(name) ?? assert.fail();
      const file = join(dir, `${name}.yaml`);
      writeFileSync(file, configOf(each).replaceAll('/etc/redis-tls/ca.crt', certificates.ca));
      const env = environment(each, name === 'gossip' ? 'fd00::1' : '10.1.2.3');
      const { lines, exitCode } = checkFile(file, env);
      assert.equal(exitCode, 0, lines.join('\n'));
    });
  }

  it('use every variable that they set, and set every one that they use', () => {
    for (const name of files.keys()) {
      if (name === 'try') continue;
      const each = rendered.get(name) ?? assert.fail();
      const used = new Set([...configOf(each).matchAll(/\$\{(\w+)\}/g)].map(([, variable = '']) => variable));
      const set = Object.keys(environment(each, '10.1.2.3')).filter((variable) => variable.startsWith('SLUICE_'));
      assert.deepEqual(set.toSorted(), [...used].toSorted(), name);
    }
  });
});
