import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createAdmin } from '../../src/admin/admin.ts';
import type { ExplainRequest } from '../../src/admin/deps.ts';
import { SluiceError, StoreError } from '../../src/core/errors.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { LIMIT, problemOf, startAdmin } from './harness.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('healthz and readyz', () => {
  it('say that it is alive, and ready or why not', async () => {
    let reasons: string[] = ['starting: no configuration yet'];
    await using running = await startAdmin({ readiness: () => ({ ready: reasons.length === 0, reasons }) });
    assert.equal((await running.call({ path: '/healthz' })).status, 200);
    const notYet = await running.call({ path: '/readyz' });
    assert.equal(notYet.status, 503);
    assert.deepEqual(problemOf(notYet).faults, reasons);
    reasons = [];
    assert.deepEqual((await running.call({ path: '/readyz' })).json(), { status: 'ready' });
    assert.equal((await running.call({ path: '/readyz', method: 'HEAD' })).status, 200);
  });
});

describe('metrics', () => {
  it('are served in the format asked for', async () => {
    const metrics = createMetrics({ version: '1.2.3' });
    await using running = await startAdmin({ metrics });
    const text = await running.call({ path: '/metrics' });
    assert.equal(text.header('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(text.text(), /^sluice_build_info\{version="1\.2\.3"\} 1$/m);
    const open = await running.call({ path: '/metrics', headers: { accept: 'application/openmetrics-text' } });
    assert.equal(open.header('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    assert.match(open.text(), /# EOF\n$/);
    metrics.close();
  });
});

describe('limits', () => {
  it('are listed', async () => {
    const { max: _, ...shown } = LIMIT;
    const concurrent = { ...shown, name: 'parallel', algorithm: 'concurrency' as const, rates: [], max: 5 };
    await using running = await startAdmin({ limits: () => [LIMIT, concurrent] });
    assert.deepEqual((await running.call({ path: '/v1/limits' })).json(), { limits: [shown, concurrent] });
  });
});

describe('a key', () => {
  const counter = {
    policy: '100/1m sliding-window, 2 buckets',
    limit: 100,
    remaining: 37,
    resetMs: 1500,
    present: true,
  };

  it('is looked at and reset by its name, whatever characters that has', async () => {
    const seen: string[] = [];
    await using running = await startAdmin({
      keys: {
        peek: async (_limit, key) => (seen.push(key) > 0 ? [counter] : undefined),
        reset: async (_limit, key) => seen.push(key) > 0,
      },
    });
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
      .filter((key) => key.isWellFormed() && !['.', '..'].includes(key));
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom('GET', 'DELETE'), async (key, method) => {
        seen.length = 0;
        const path = `/v1/limits/per-client/keys/${encodeURIComponent(key)}`;
        const reply = await running.call({ path, method });
        assert.equal(reply.status, 200);
        assert.deepEqual(seen, [key]);
        assert.deepEqual(
          reply.json(),
          method === 'GET'
            ? { limit: 'per-client', key, counters: [counter] }
            : { limit: 'per-client', key, existed: true },
        );
      }),
      {
        numRuns: 60,
        examples: [
          ['a/b c%2F?#', 'GET'],
          ['sha256=ab+cd==', 'DELETE'],
        ],
      },
    );
  });

  it('of a limit that does not exist is 404, with the nearest name', async () => {
    await using running = await startAdmin({ keys: { peek: async () => undefined, reset: async () => undefined } });
    const near = await running.call({ path: '/v1/limits/per-clint/keys/a' });
    assert.equal(near.status, 404);
    assert.deepEqual(problemOf(near).hint, 'did you mean per-client?');
    const far = await running.call({ path: '/v1/limits/zzzzzzzzzz/keys/a', method: 'DELETE' });
    assert.equal(far.status, 404);
    assert.deepEqual(problemOf(far).hint, 'GET /v1/limits lists them');
  });

  it('that the store cannot tell is 503, in one line', async () => {
    const failing = async (): Promise<never> => {
      throw new StoreError('SLUICE_STORE_TIMEOUT', 'no answer within 50ms');
    };
    await using running = await startAdmin({ keys: { peek: failing, reset: failing } });
    for (const method of ['GET', 'DELETE']) {
      const reply = await running.call({ path: '/v1/limits/per-client/keys/a', method });
      assert.equal(reply.status, 503);
      assert.equal(problemOf(reply).detail, 'the store cannot be asked: no answer within 50ms');
    }
  });
});

describe('explain', () => {
  it('hands the request on and shows what comes back', async () => {
    const asked: ExplainRequest[] = [];
    await using running = await startAdmin({
      explain: (what) => {
        asked.push(what);
        return {
          method: 'POST',
          host: 'api.example.com',
          path: '/v1/orders',
          clientIp: '192.0.2.7',
          route: 'orders',
          upstream: 'shop',
          limits: [
            {
              limit: 'per-client',
              applies: true,
              why: undefined,
              key: 'abc',
              cost: 1,
              override: undefined,
              policies: ['100/1m sliding-window, 2 buckets'],
              sharing: 'redis',
              mode: 'enforce',
              onFailure: 'local',
              counters: ['per-client:abc'],
            },
          ],
        };
      },
    });
    const body = { method: 'post', url: 'http://api.example.com/v1/orders?a=b', headers: { 'X-Api-Key': 'abc' } };
    const reply = await running.call({
      path: '/v1/explain',
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ ...body, clientIp: '192.0.2.7' }),
    });
    assert.equal(reply.status, 200);
    assert.deepEqual(asked, [
      { method: 'POST', url: body.url, headers: { 'x-api-key': 'abc' }, clientIp: '192.0.2.7' },
    ]);
    const answer = reply.json() as { limits: { key: string }[] };
    assert.equal(answer.limits[0]?.key, 'abc');
  });

  it('refuses what is no request, in one line each', async () => {
    await using running = await startAdmin({
      explain: () => {
        throw new SluiceError('SLUICE_USAGE', 'the URL has no host');
      },
    });
    const said = async (body: string, headers: Record<string, string> = JSON_TYPE) => {
      const reply = await running.call({ path: '/v1/explain', method: 'POST', headers, body });
      return [reply.status, problemOf(reply).detail];
    };
    assert.deepEqual(await said('{"url":"/v1/orders"}'), [400, 'url is not an absolute http URL']);
    assert.deepEqual(await said('{"url":"http://a/","clientIp":"here"}'), [400, 'clientIp is not an IP address']);
    assert.deepEqual(await said('{"url":"http://a/"}'), [400, 'the URL has no host']);
    assert.deepEqual(await said('{"uri":"http://a/"}'), [400, "body must have required property 'url'"]);
    assert.deepEqual(await said('{"url":3}'), [400, 'body/url must be string']);
    assert.equal((await said('{'))[0], 400);
    assert.deepEqual(await said('{"url":"http://a/"}', { 'content-type': 'text/plain' }), [
      415,
      'Unsupported Media Type',
    ]);
    assert.deepEqual(await said(`{"url":"${'a'.repeat(70_000)}"}`), [413, 'Request body is too large']);
  });
});

describe('reload', () => {
  it('tells what changed, or what is wrong with the new configuration', async () => {
    let report: Awaited<ReturnType<Parameters<typeof createAdmin>[0]['reload']>> = {
      result: 'success',
      changes: ['+ limit burst'],
    };
    await using running = await startAdmin({ reload: async () => report });
    const reload = () => running.call({ path: '/v1/reload', method: 'POST' });
    assert.deepEqual((await reload()).json(), { result: 'success', changes: ['+ limit burst'] });
    report = { result: 'unchanged' };
    assert.deepEqual((await reload()).json(), { result: 'unchanged', changes: [] });
    report = { result: 'failure', faults: ['sluice.yaml:3:5: rate is missing'] };
    const refused = await reload();
    assert.equal(refused.status, 422);
    assert.deepEqual(problemOf(refused).faults, ['sluice.yaml:3:5: rate is missing']);
  });
});

describe('peers', () => {
  it('are none without a peers block', async () => {
    await using running = await startAdmin();
    const reply = await running.call({ path: '/v1/peers' });
    assert.deepEqual(reply.json(), { visibleShare: 1, peers: [], leaders: [] });
  });

  it('are told with their state, since when, and who leads', async () => {
    const incarnation = Date.UTC(2026, 10, 23, 18, 0, 0);
    await using running = await startAdmin({
      peers: () => ({
        self: { address: '10.1.2.3:7946', incarnation },
        discovery: 'file',
        visibleShare: 0.75,
        peers: [
          { address: '10.1.2.4:7946', incarnation, state: 'alive', since: incarnation + 1_500 },
          { address: '[2001:db8::1]:7946', incarnation: Number.MAX_SAFE_INTEGER, state: 'dead', since: incarnation },
        ],
        leaders: [
          { sharing: 'leader', slot: 0, address: '10.1.2.4:7946', term: 4_711 },
          { sharing: 'leader', slot: 1, address: undefined, term: undefined },
        ],
      }),
    });
    const reply = await running.call({ path: '/v1/peers' });
    assert.deepEqual(reply.json(), {
      self: { address: '10.1.2.3:7946', incarnation: '2026-11-23T18:00:00.000Z' },
      discovery: 'file',
      visibleShare: 0.75,
      peers: [
        {
          address: '10.1.2.4:7946',
          incarnation: '2026-11-23T18:00:00.000Z',
          state: 'alive',
          since: '2026-11-23T18:00:01.500Z',
        },
        {
          address: '[2001:db8::1]:7946',
          incarnation: '1970-01-01T00:00:00.000Z',
          state: 'dead',
          since: '2026-11-23T18:00:00.000Z',
        },
      ],
      leaders: [
        { sharing: 'leader', slot: 0, address: '10.1.2.4:7946', term: 4_711 },
        { sharing: 'leader', slot: 1 },
      ],
    });
  });
});

describe('a route', () => {
  it('that does not exist is 404, a method that it does not take 405 with those that it takes', async () => {
    await using running = await startAdmin();
    const nothing = await running.call({ path: '/v2' });
    assert.equal(nothing.status, 404);
    problemOf(nothing);
    const wrong = await running.call({ path: '/v1/limits/a/keys/b', method: 'PUT' });
    assert.equal(wrong.status, 405);
    assert.equal(wrong.header('allow'), 'DELETE, GET, HEAD');
    problemOf(wrong);
  });

  it('that fails says so without a stack trace, and the log has the error', async () => {
    const logged: object[] = [];
    await using running = await startAdmin({
      limits: () => {
        throw new TypeError('a defect');
      },
      logger: { debug() {}, info() {}, warn() {}, error: (fields) => void logged.push(fields) },
    });
    const reply = await running.call({ path: '/v1/limits' });
    assert.equal(reply.status, 500);
    assert.doesNotMatch(problemOf(reply).detail, /a defect$/);
    assert.equal(logged.length, 1);
  });

  it('answers what cannot be read as HTTP or as a URL with a problem too', async () => {
    await using running = await startAdmin();
    for (const target of ['/%zz', '/v1/limits/%E0%A4%A/keys/a']) {
      const reply = await running.call({ path: target });
      assert.equal(reply.status, 400);
      problemOf(reply);
    }
    const garbage = await running.call({ path: '/ spaces in it' });
    assert.equal(garbage.status, 400);
    problemOf(garbage);
    const huge = await running.call({ path: '/', headers: { filler: 'x'.repeat(20_000) } });
    assert.equal(huge.status, 431);
    problemOf(huge);
  });

  it('sends fields that keep a browser from doing more with it', async () => {
    await using running = await startAdmin();
    for (const path of ['/', '/v1/limits', '/nothing', '/metrics']) {
      const reply = await running.call({ path });
      assert.equal(reply.header('x-content-type-options'), 'nosniff');
      assert.equal(reply.header('cache-control'), 'no-store');
      assert.match(reply.header('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
    }
  });
});

describe('listening', () => {
  it('on an address in use fails in one line with a way out', async () => {
    await using running = await startAdmin();
    await using second = await startAdmin();
    await second.admin.close();
    const third = await createAdmin({ ...({} as Parameters<typeof createAdmin>[0]), version: '1', token: undefined });
    await assert.rejects(third.listen({ host: '127.0.0.1', port: running.port }), (error: unknown) => {
      assert.ok(error instanceof SluiceError);
      assert.equal(error.code, 'SLUICE_LISTEN');
      assert.equal(
        error.message,
        `cannot listen on 127.0.0.1:${running.port}: address in use (another Sluice? choose another with --admin)`,
      );
      return true;
    });
    await third.close();
  });

  it('on an address of another machine says so', async () => {
    const admin = await createAdmin({ ...({} as Parameters<typeof createAdmin>[0]), version: '1', token: undefined });
    await assert.rejects(
      admin.listen({ host: '192.0.2.1', port: 9090 }),
      /192\.0\.2\.1:9090: this machine has no such address/,
    );
    await admin.close();
  });
});

describe('the busiest keys', () => {
  const keys = Array.from({ length: 30 }, (_, i) => ({ key: `k${i}`, count: 100 - i, error: 1 }));
  const top = { limit: 'per-client', seconds: 80, asked: { keys, floor: 3 }, refused: { keys: [], floor: 0 } };

  it('are ten of each kind, or as many as asked for', async () => {
    await using running = await startAdmin({ top: (limit) => (limit === 'per-client' ? top : undefined) });
    const usual = (await running.call({ path: '/v1/top?limit=per-client' })).json();
    assert.deepEqual(usual, {
      limit: 'per-client',
      seconds: 80,
      asked: keys.slice(0, 10),
      refused: [],
      others: { asked: 3, refused: 0 },
    });
    const three = (await running.call({ path: '/v1/top?limit=per-client&count=3' })).json() as { asked: unknown[] };
    assert.equal(three.asked.length, 3);
  });

  it('are those of all instances where that is asked for, with who answered', async () => {
    const instances = [{ id: 'a1', host: 'gateway-1', seconds: 80 }];
    const all = {
      ...top,
      asked: { keys: [{ key: 'all', count: 900, error: 0 }], floor: 7 },
      instances,
      missing: ['b2'],
    };
    let down = false;
    await using running = await startAdmin({
      top: () => top,
      fleetTop: {
        ask: async () => {
          if (down) throw new StoreError('SLUICE_STORE_TIMEOUT', 'redis: it does not answer');
          return all;
        },
      },
    });
    const path = '/v1/top?limit=per-client&fleet=true';
    assert.deepEqual((await running.call({ path })).json(), {
      limit: 'per-client',
      seconds: 80,
      asked: all.asked.keys,
      refused: [],
      others: { asked: 7, refused: 0 },
      fleet: { instances, missing: ['b2'] },
    });
    const own = (await running.call({ path: '/v1/top?limit=per-client&fleet=false' })).json() as object;
    assert.ok(!('fleet' in own));
    down = true;
    const failed = await running.call({ path });
    assert.equal(failed.status, 503);
    assert.match(problemOf(failed).detail, /it does not answer/);
  });

  it('of others cannot be had without a way to ask', async () => {
    await using running = await startAdmin({ top: () => top });
    const reply = await running.call({ path: '/v1/top?limit=per-client&fleet=true' });
    assert.equal(reply.status, 409);
    assert.match(problemOf(reply).hint ?? '', /configure redis/);
    const other = await running.call({ path: '/v1/top?limit=per-client&fleet=yes' });
    assert.equal(other.status, 400);
  });

  it('are refused in one line where the question is wrong', async () => {
    await using running = await startAdmin();
    for (const query of ['', '?limit=per-client&count=0', '?limit=per-client&count=101', '?limit=per-client&cuont=3']) {
      const reply = await running.call({ path: `/v1/top${query}` });
      assert.equal(reply.status, 400, query);
      assert.match(problemOf(reply).detail, /^[^\n]+$/);
    }
    const unknown = await running.call({ path: '/v1/top?limit=per-clint' });
    assert.equal(unknown.status, 404);
    assert.equal(problemOf(unknown).hint, 'did you mean per-client?');
  });
});
