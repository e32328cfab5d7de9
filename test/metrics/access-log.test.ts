import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../src/core/random.ts';
import { createAccessLog } from '../../src/metrics/access-log.ts';
import { requestEvent } from './events.ts';

function recorder() {
  const lines: Record<string, unknown>[] = [];
  return { lines, info: (fields: object) => void lines.push({ ...fields }) };
}

describe('the access log', () => {
  it('tells what became of a request, in milliseconds and bytes', () => {
    const out = recorder();
    createAccessLog({ access: 1, lines: out, random: seededRandom(1) }).requestFinished(
      requestEvent({ durationMs: 12.345678, violated: [] }),
    );
    assert.deepEqual(JSON.parse(JSON.stringify(out.lines)), [
      {
        route: 'orders',
        method: 'GET',
        path: '/v1/orders',
        status: 200,
        outcome: 'allowed',
        client: '192.0.2.7',
        upstream: 'shop',
        durationMs: 12.346,
        decisionMs: 0.25,
        upstreamMs: 11.125,
        bytesIn: 0,
        bytesOut: 512,
      },
    ]);
  });

  it('samples allowed requests, and always tells of refused and failed ones', () => {
    const out = recorder();
    const log = createAccessLog({ access: 0.1, lines: out, random: seededRandom(7) });
    for (let i = 0; i < 2000; i++) log.requestFinished(requestEvent());
    assert.ok(out.lines.length > 120 && out.lines.length < 290, `${out.lines.length} of 2000 at 0.1`);
    out.lines.length = 0;
    for (let i = 0; i < 20; i++) {
      log.requestFinished(requestEvent({ outcome: 'denied', status: 429, violated: ['per-client'] }));
      log.requestFinished(requestEvent({ outcome: 'shadow_denied', violated: ['per-client'] }));
      log.requestFinished(requestEvent({ outcome: 'error', status: 504, fault: 'upstream_timeout' }));
      log.requestFinished(requestEvent({ fault: 'client_aborted' }));
    }
    assert.equal(out.lines.length, 80);
    assert.deepEqual(out.lines[0]?.['limits'], ['per-client']);
    assert.equal(out.lines[2]?.['fault'], 'upstream_timeout');
  });

  it('logs every request at 1, no allowed one at 0, and nothing when off', () => {
    const count = (access: number | 'off', outcome: 'allowed' | 'denied') => {
      const out = recorder();
      const log = createAccessLog({ access, lines: out, random: seededRandom(3) });
      for (let i = 0; i < 50; i++) log.requestFinished(requestEvent({ outcome }));
      return out.lines.length;
    };
    assert.equal(count(1, 'allowed'), 50);
    assert.equal(count(0, 'allowed'), 0);
    assert.equal(count(0, 'denied'), 50);
    assert.equal(count('off', 'denied'), 0);
  });

  it('cuts a long path', () => {
    const out = recorder();
    const log = createAccessLog({ access: 1, lines: out, random: seededRandom(1) });
    log.requestFinished(requestEvent({ path: `/${'a'.repeat(10_000)}` }));
    assert.equal(String(out.lines[0]?.['path']).length, 257);
  });
});
