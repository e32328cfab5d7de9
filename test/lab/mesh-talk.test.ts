/** What a full mesh is counted to say, against what a simulated one does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findScenario } from '../../src/commands/lab-scenario.ts';
import { measure } from '../../src/lab/measure.ts';
import { meshTalk } from '../../src/lab/mesh-talk.ts';
import type { Scenario } from '../../src/lab/scenario.ts';

function scenario(name: string, changes: Partial<Scenario> = {}): Scenario {
  const found = findScenario(name);
  assert.ok('policy' in found, name);
  return { ...found, ...changes };
}

async function compare(of: Scenario, hosts: number, within: number): Promise<void> {
  const counted = meshTalk(of, hosts);
  const seed = hosts;
  const simulated = await measure({ scenario: of, way: 'mesh', hosts, seed });
  for (const name of ['messagesPerSecond', 'bytesPerSecond'] as const) {
    const off = counted[name] / simulated[name] - 1;
    const said = `${of.name}, ${hosts} hosts, seed ${seed}: ${name} counted ${counted[name]}, simulated ${simulated[name]}`;
    assert.ok(Math.abs(off) <= within, said);
  }
}

describe('a full mesh by a formula', () => {
  // Whole exchanges of state are rare: few hosts are watched for longer.
  for (const [hosts, durationMs] of [
    [2, 20_000],
    [5, 20_000],
    [20, 20_000],
    [60, 10_000],
    [150, 10_000],
  ] as const) {
    it(`says what a simulation of ${hosts} hosts does, within 1 %`, async () => {
      await compare(scenario('steady-double', { durationMs }), hosts, 0.01);
    });
  }

  it('holds where most hosts have nothing to say in an interval', async () => {
    const load = scenario('steady-double', { durationMs: 20_000, intervalMs: 20 });
    await compare(load, 60, 0.01);
  });

  it('holds where some hosts are asked more', async () => {
    await compare(scenario('skewed', { durationMs: 20_000 }), 30, 0.01);
  });

  it('knows about what many keys take', async () => {
    await compare(scenario('zipf', { durationMs: 2_000 }), 20, 0.05);
  });

  it('grows with the square of the hosts while all have something to say, and only with them when few do', () => {
    const of = scenario('steady-double');
    const times = (hosts: number): number =>
      meshTalk(of, 2 * hosts).messagesPerSecond / meshTalk(of, hosts).messagesPerSecond;
    assert.ok(Math.abs(times(20) - 4) < 0.15, `${times(20)}`);
    assert.ok(Math.abs(times(5_000) - 2) < 0.15, `${times(5_000)}`);
    assert.equal(meshTalk({ ...of, loads: [] }, 10).messagesPerSecond, 2);
  });
});
