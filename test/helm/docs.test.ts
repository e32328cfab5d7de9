/** What the documentation says of the chart: its values render and the gateway takes them, its commands are helm's. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { formatFault } from '../../src/config/faults.ts';
import { loadConfig } from '../../src/config/load.ts';
import { allPages } from '../docs/markdown.ts';
import { ciFiles, configOf, helm, render } from './chart.ts';

const ENV = {
  SLUICE_ADMIN_TOKEN: 'a-token-long-enough',
  SLUICE_PEER_SECRET: 'a-secret-that-is-long-enough',
  SLUICE_POD_IP: '10.1.2.3',
  SLUICE_REDIS_PASSWORD: 'x',
  SLUICE_REDIS_URL: 'redis://redis:6379',
};

const blocks = allPages().flatMap((page) => page.blocks.map((block) => ({ page: page.path, ...block })));

describe('values in the documentation', { concurrency: 2 }, () => {
  const values = blocks.filter(({ info }) => info === 'yaml values');
  it('are found', () => assert.ok(values.length >= 4));
  for (const { page, line, text } of values) {
    it(`${page}:${line} render, and the gateway takes them`, async () => {
      const rendered = await render({ values: parse(text) as object });
      const result = loadConfig(configOf(rendered), `${page}:${line}`, ENV);
      assert.deepEqual('faults' in result ? result.faults.map(formatFault) : [], []);
    });
  }
});

describe('helm commands in the documentation', { concurrency: 2 }, () => {
  const commands = blocks
    .filter(({ info }) => info === 'sh')
    .flatMap(({ page, line, text }) =>
      text
        .split('\n')
        .filter((each) => /^helm (install|upgrade) /.test(each))
        .map((each) => ({ where: `${page}:${line}`, words: each.split(/\s+/) })),
    );
  it('are found', () => assert.ok(commands.length >= 4));
  for (const { where, words } of commands) {
    it(`${where}: ${words.join(' ')}`, async () => {
      const file = ciFiles().get('redis') ?? '';
      const args = words.slice(2).map((word) => (word === 'values.yaml' ? file : word));
      const { code, stderr } = await helm(['template', ...args]);
      assert.equal(code, 0, stderr);
    });
  }
});
