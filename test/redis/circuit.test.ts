import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import type { CircuitState } from '../../src/redis/circuit.ts';
import { Circuit } from '../../src/redis/circuit.ts';

function setup() {
  const clock = new VirtualClock();
  const states: CircuitState[] = [];
  const probes: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const circuit = new Circuit({
    clock,
    failures: 3,
    pauseMs: 100,
    maxPauseMs: 400,
    probe: () => new Promise<void>((resolve, reject) => probes.push({ resolve, reject })),
    onState: (state) => states.push(state),
  });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { clock, states, probes, circuit, settled };
}

describe('the circuit breaker', () => {
  it('opens after consecutive failures only', () => {
    const { circuit } = setup();
    circuit.failed();
    circuit.failed();
    circuit.succeeded();
    circuit.failed();
    circuit.failed();
    assert.equal(circuit.state, 'closed');
    circuit.failed();
    assert.equal(circuit.state, 'open');
  });

  it('probes one at a time, at growing distances, and closes on the first success', async () => {
    const { clock, circuit, probes, states, settled } = setup();
    for (let i = 0; i < 3; i++) circuit.failed();
    const waits: number[] = [];
    for (let round = 0; round < 4; round++) {
      let waited = 0;
      while (probes.length === round && waited < 10_000) {
        clock.advance(50);
        waited += 50;
      }
      waits.push(waited);
      assert.equal(circuit.state, 'half_open');
      probes[round]?.reject(new Error('still down'));
      await settled();
    }
    assert.deepEqual(waits, [100, 200, 400, 400]);
    clock.advance(400);
    probes[4]?.resolve();
    await settled();
    assert.equal(circuit.state, 'closed');
    assert.equal(states.at(-1), 'closed');
  });

  it('counts afresh after it closed, and ignores failures of calls sent before it opened', async () => {
    const { clock, circuit, probes, settled } = setup();
    for (let i = 0; i < 10; i++) circuit.failed();
    clock.advance(100);
    assert.equal(probes.length, 1);
    probes[0]?.resolve();
    await settled();
    circuit.failed();
    circuit.failed();
    assert.equal(circuit.state, 'closed');
  });

  it('stops probing when told to', async () => {
    const { clock, circuit, probes } = setup();
    for (let i = 0; i < 3; i++) circuit.failed();
    circuit.stop();
    clock.advance(10_000);
    assert.equal(probes.length, 0);
  });
});
