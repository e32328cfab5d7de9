/**
 * Every YAML block of the documentation loads. The word after `yaml` says what it is:
 *
 * - none: a whole configuration;
 * - `partial`: some top-level keys of one; what is missing is filled in;
 * - `values`: values of the chart, tried in test/helm/docs.test.ts;
 * - `other`: not a configuration of Sluice.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDocument } from 'yaml';
import { formatFault } from '../../src/config/faults.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Block } from './markdown.ts';
import { allPages } from './markdown.ts';

const ENV = {
  SLUICE_ADMIN_TOKEN: 'a-token',
  SLUICE_PEER_SECRET: 'a secret of sixteen letters',
  SLUICE_REDIS_URL: 'redis://127.0.0.1:6379',
};

function faultsOf(block: Block, name: string): readonly string[] {
  const text = block.info === 'yaml partial' ? completed(block.text) : block.text;
  const result = loadConfig(text, name, ENV);
  return 'faults' in result ? result.faults.map(formatFault) : [];
}

/** The text, and after it the top-level keys that a configuration needs and it lacks. */
function completed(text: string): string {
  const given = parseDocument(text.replaceAll(/\$\{\w+\}/g, 'x')).toJS() as Record<string, unknown>;
  const names = (key: string): string[] => Object.keys((given[key] ?? {}) as object);
  const limits = 'limits' in given ? names('limits') : ['some'];
  const upstream = names('upstreams')[0] ?? 'app';
  const more = [text];
  if (!('limits' in given)) more.push('limits: { some: { key: ip, rate: 100/1m } }');
  if (!('upstreams' in given)) more.push('upstreams: { app: { servers: [http://127.0.0.1:3000] } }');
  if (!('routes' in given)) more.push(`routes: [{ upstream: ${upstream}, limits: [${limits.join(', ')}] }]`);
  if (!('redis' in given) && /sharing: redis|onFailure/.test(text)) more.push('redis: { url: redis://127.0.0.1 }');
  return more.join('\n');
}

describe('YAML in the documentation', () => {
  const blocks = allPages().flatMap((page) => page.blocks.map((block) => ({ page: page.path, block })));
  const yaml = blocks.filter(({ block }) => /^ya?ml/.test(block.info));

  it('says what it is', () => {
    const kinds = ['yaml', 'yaml partial', 'yaml values', 'yaml other'];
    const strange = yaml.filter(({ block }) => !kinds.includes(block.info));
    assert.deepEqual(
      strange.map(({ page, block }) => `${page}:${block.line}: ${block.info}`),
      [],
    );
    assert.ok(yaml.some(({ block }) => block.info === 'yaml'));
  });

  for (const { page, block } of yaml) {
    if (block.info === 'yaml other' || block.info === 'yaml values') continue;
    it(`${page}:${block.line} loads`, () => {
      assert.deepEqual(faultsOf(block, page), []);
    });
  }

  it('would be found wrong if it were', () => {
    const block = { info: 'yaml partial', text: 'limits: { a: { key: ip, raet: 1/1s } }\n', line: 1 };
    assert.match(faultsOf(block, 'x')[0] ?? '', /unknown key "raet"/);
  });
});
