import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { bench, facts, limit } from './setup.ts';

async function partsOf(requests: number, extra: Parameters<typeof limit>[0]): Promise<number[]> {
  const parts: number[] = [];
  const telemetry = { ...silentTelemetry, limitUsed: (_limit: string, part: number) => void parts.push(part) };
  const { set } = bench([limit(extra)], { telemetry });
  for (let i = 0; i < requests; i++) await set.decide(facts());
  return parts;
}

describe('the part of a limit that a key has used', () => {
  it('includes the request itself, and is above 1 for a refused one', async () => {
    assert.deepEqual(await partsOf(5, { rates: [{ count: 4, windowMs: 60_000 }] }), [0.25, 0.5, 0.75, 1, 1.25]);
  });

  it('is that of the fullest of several rates', async () => {
    const rates = [
      { count: 10, windowMs: 60_000 },
      { count: 2, windowMs: 1_000 },
    ];
    assert.deepEqual(await partsOf(2, { rates }), [0.5, 1]);
  });

  it('is told in shadow mode too', async () => {
    assert.deepEqual(await partsOf(2, { mode: 'shadow', rates: [{ count: 1, windowMs: 60_000 }] }), [1, 2]);
  });
});
