/** Whatever the collector does, requests are served as if there were none; and without tracing nothing of it is there. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { createCertificates } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { request, startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';
import { startCollector } from '../support/otlp-collector.ts';
import { startRedis } from '../support/redis.ts';

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function config(upstream: Upstream, tracing?: object): object {
  return {
    listen: '127.0.0.1:0',
    admin: { listen: '127.0.0.1:0' },
    ...(tracing === undefined ? {} : { tracing }),
    upstreams: { app: { servers: [upstream.url] } },
    routes: [{ upstream: 'app' }],
  };
}

/** Says on stderr which of OpenTelemetry's modules a process loads. */
const WATCH_LOADING = `--import=data:text/javascript,${[
  "import{registerHooks}from'node:module'",
  "registerHooks({resolve(s,c,n){if(s.includes('otlp'))process.stderr.write('loaded\\n');return(n)(s,c)}})",
].join(';')}`;

async function serve(port: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) assert.equal((await request({ port })).status, 200);
}

describe('tracing in trouble', { concurrency: 3 }, () => {
  it('a collector that is not there costs spans and nothing else, and is found when it comes', async () => {
    await using upstream = await startUpstream();
    const port = await freePort();
    const tracing = { endpoint: `http://127.0.0.1:${port}`, timeout: '100ms' };
    await using gateway = await startGateway({ config: config(upstream, tracing) });
    await serve(gateway.port, 3);
    const failed = (): Promise<number> => metric(gateway.adminUrl, /^sluice_trace_spans_total\{result="failed"\}/);
    await eventually('the spans are counted as failed', async () => (await failed()) === 6, { within: 10_000 });
    await eventually('one line says so', () => gateway.stdout().includes('the collector does not take spans'));
    await using collector = await startCollector({ port });
    await serve(gateway.port, 1);
    await eventually('spans arrive', () => collector.spans.length === 2, { within: 10_000 });
    const exported = metric(gateway.adminUrl, /^sluice_trace_spans_total\{result="exported"\}/);
    await eventually('they are counted', async () => (await exported) === 2);
    assert.equal(await gateway.stop(), 0);
  });

  it('a collector that refuses is told in its own words', async () => {
    await using upstream = await startUpstream();
    await using collector = await startCollector({ answer: (response) => response.writeHead(401).end() });
    await using gateway = await startGateway({ config: config(upstream, { endpoint: collector.url }) });
    await serve(gateway.port, 1);
    await eventually('the log says why', () => gateway.stdout().includes('"reason":"HTTP 401 Unauthorized"'), {
      within: 10_000,
    });
    assert.equal(await metric(gateway.adminUrl, /^sluice_trace_spans_total\{result="failed"\}/), 2);
  });

  it('a collector that hangs: what cannot wait is dropped and counted, and the end is not held up for long', async () => {
    await using upstream = await startUpstream();
    await using collector = await startCollector({ answer: () => {} });
    const tracing = { endpoint: collector.url, maxSpans: 10, timeout: '60s' };
    await using gateway = await startGateway({ config: config(upstream, tracing) });
    await serve(gateway.port, 1);
    await eventually('a batch is on its way', () => collector.exports() === 1, { within: 10_000 });
    await serve(gateway.port, 8);
    // Two spans a request: ten wait, six have to go.
    assert.equal(await metric(gateway.adminUrl, /^sluice_trace_spans_total\{result="dropped"\}/), 6);
    assert.equal(await metric(gateway.adminUrl, /^sluice_trace_spans_total\{result="(exported|failed)"\}/), 0);
    assert.equal(await gateway.stop(), 0);
    assert.match(gateway.stdout(), /"spans":12,"msg":"tracing: the collector is too slow; the last spans are lost"/);
  });

  it('a store that hangs is seen as a trip that failed, and who decided instead', async () => {
    await using upstream = await startUpstream();
    await using collector = await startCollector();
    await using redis = await startRedis();
    await using gateway = await startGateway({
      config: {
        ...config(upstream, { endpoint: collector.url }),
        redis: { url: redis.url, timeout: '50ms' },
        routes: [{ upstream: 'app', limits: ['shared'] }],
        limits: { shared: { key: 'ip', rate: '100/1h', onFailure: 'local' } },
      },
    });
    await serve(gateway.port, 1);
    redis.freeze();
    await serve(gateway.port, 1);
    redis.thaw();
    const named = (name: string) => collector.spans.filter((span) => span.name === name);
    await eventually('both requests are told', () => named('sluice.ask redis').length === 2, { within: 10_000 });
    const [well, late] = named('sluice.ask redis');
    assert.deepEqual([well?.failed, late?.failed], [false, true]);
    assert.equal(late?.attributes['error.type'], 'SLUICE_STORE_TIMEOUT');
    const [first, second] = named('sluice.decide');
    assert.equal(first?.attributes['sluice.fallbacks'], undefined);
    assert.deepEqual(second?.attributes['sluice.fallbacks'], ['shared=local']);
    assert.equal(second?.attributes['sluice.verdict'], 'allowed');
    assert.equal(late?.parentId, second?.spanId);
  });

  it('a collector behind TLS is believed by the authority that the standard variable names, and by no other', async () => {
    const certificates = await createCertificates();
    const exports: (string | undefined)[] = [];
    const files = { key: readFileSync(certificates.key), cert: readFileSync(certificates.cert) };
    const collector = createServer(files, (message, response) => {
      exports.push(message.url, String(message.headers['x-team']), message.headers['content-encoding']);
      message.resume().on('end', () => response.end());
    });
    try {
      collector.listen(0, '127.0.0.1');
      await once(collector, 'listening');
      const endpoint = `https://127.0.0.1:${(collector.address() as AddressInfo).port}/otlp/`;
      await using upstream = await startUpstream();
      const told = config(upstream, { endpoint, timeout: '500ms' });
      await using doubting = await startGateway({ config: told });
      const env = {
        OTEL_EXPORTER_OTLP_CERTIFICATE: certificates.ca,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-team=shop',
        OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      };
      await using believing = await startGateway({ config: told, env });
      await serve(doubting.port, 1);
      await eventually('the certificate is refused', () => /"reason":"[^"]*certificate/.test(doubting.stdout()), {
        within: 10_000,
      });
      assert.deepEqual(exports, []);
      await serve(believing.port, 1);
      assert.equal(await believing.stop(), 0);
      assert.deepEqual(exports, ['/otlp/v1/traces', 'shop', 'gzip']);
    } finally {
      collector.close();
      certificates.remove();
    }
  });

  it('what is not told yet is told at the end', async () => {
    await using upstream = await startUpstream();
    await using collector = await startCollector();
    await using gateway = await startGateway({ config: config(upstream, { endpoint: collector.url }) });
    await serve(gateway.port, 200);
    assert.equal(await gateway.stop(), 0);
    assert.equal(collector.spans.length, 400);
  });

  it('without tracing a caller’s trace goes on untouched, and no library is loaded', async () => {
    const seen: unknown[] = [];
    await using upstream = await startUpstream((message, response) => {
      seen.push(message.headers['traceparent'], message.headers['tracestate']);
      response.end();
    });
    const env = { NODE_OPTIONS: WATCH_LOADING };
    await using gateway = await startGateway({ config: config(upstream), env });
    await request({ port: gateway.port, headers: { traceparent: PARENT, tracestate: 'a=1, b=2' } });
    assert.deepEqual(seen, [PARENT, 'a=1, b=2']);
    assert.doesNotMatch(gateway.stderr(), /loaded/);
    assert.doesNotMatch(gateway.stdout(), /trace_id/);
    await using collector = await startCollector();
    await using tracing = await startGateway({ config: config(upstream, { endpoint: collector.url }), env });
    assert.match(tracing.stderr(), /loaded/, 'the watch over loading sees nothing');
  });
});
