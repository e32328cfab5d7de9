import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { afterEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import type { Metrics } from '../../src/metrics/metrics.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { requireServer } from '../support/servers.ts';
import { requestEvent } from './events.ts';

const NAMES = {
  routes: [{ name: 'orders' }, { name: 'a "quoted"\\ name' }],
  limits: [
    { name: 'per-client', sharing: 'redis', onFailure: 'local' },
    { name: 'burst', sharing: 'local', onFailure: 'deny' },
  ],
  upstreams: [{ name: 'shop', servers: ['http://10.0.0.1:3000'] }],
} as const;

const open: Metrics[] = [];
function started(clock = new VirtualClock()): Metrics {
  const metrics = createMetrics({ version: '1.2.3', clock });
  open.push(metrics);
  metrics.declare(NAMES);
  return metrics;
}
afterEach(() => {
  for (const metrics of open.splice(0)) metrics.close();
});

/** Value of one series, written as the text format writes it. */
async function readValue(metrics: Metrics, series: string): Promise<number | undefined> {
  const { body } = await metrics.render();
  const line = body.split('\n').find((l) => l.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

async function checkWithPromtool(body: string): Promise<{ status: number | null; said: string }> {
  const { status, stdout, stderr } = spawnSync(requireServer('promtool'), ['check', 'metrics'], {
    input: body,
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
}

describe('metrics', () => {
  it('pass promtool’s check, with series in every family', async () => {
    const metrics = started();
    const { telemetry } = metrics;
    telemetry.requestFinished(requestEvent());
    telemetry.decision('per-client', 'redis', 'local_denial');
    telemetry.decisionTime('redis', 0.0003);
    telemetry.fallback('per-client', 'local');
    telemetry.storeRoundtrip(0.0004, 12);
    telemetry.storeError('timeout');
    telemetry.circuit('open');
    telemetry.configReload('failure');
    telemetry.evicted('local');
    telemetry.upstreamEjected('shop', 'http://10.0.0.1:3000');
    telemetry.upstreamRetry('shop');
    telemetry.peerMessage('gossip', 'sent', 120);
    telemetry.peerRefused('clock');
    telemetry.staleness('mesh', 0.1);
    const { body, contentType } = await metrics.render();
    assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8');
    // A matter of taste: what grows stale is a counter, and the name is one that dashboards know.
    const taste = "sluice_counter_staleness_seconds metric name should not include type 'counter'\n";
    assert.deepEqual(await checkWithPromtool(body), { status: 3, said: taste });
    const renamed = body.replaceAll('sluice_counter_staleness', 'sluice_count_staleness');
    assert.deepEqual(await checkWithPromtool(renamed), { status: 0, said: '' });
    // The check can fail: a counter without `_total` is refused.
    const broken = renamed.replaceAll('sluice_requests_total', 'sluice_requests');
    assert.notEqual((await checkWithPromtool(broken)).status, 0);
  });

  it('start at zero for every declared name, so that the first event shows in a rate', async () => {
    const metrics = started();
    for (const series of [
      'sluice_requests_total{route="orders",outcome="denied"}',
      'sluice_request_duration_seconds_count{route="orders",code="4xx"}',
      'sluice_decisions_total{limit="per-client",sharing="redis",verdict="denied"}',
      'sluice_decisions_total{limit="burst",sharing="local",verdict="shadow_denied"}',
      'sluice_local_denials_total{limit="per-client"}',
      'sluice_lease_decisions_total{limit="per-client"}',
      'sluice_lease_units_total{limit="per-client",result="returned"}',
      'sluice_fallback_decisions_total{limit="burst",policy="deny"}',
      'sluice_upstream_duration_seconds_count{upstream="shop"}',
      'sluice_upstream_ejections_total{upstream="shop",server="http://10.0.0.1:3000"}',
      'sluice_upstream_retries_total{upstream="shop"}',
      'sluice_store_errors_total{kind="circuit_open"}',
      'sluice_config_reloads_total{result="failure"}',
      'sluice_store_roundtrip_seconds_count',
      'sluice_log_lines_dropped_total',
      'sluice_peer_messages_total{sharing="membership",direction="received"}',
      'sluice_peer_bytes_total{sharing="random-leaders",direction="sent"}',
      'sluice_peer_refusals_total{reason="stale_term"}',
      'sluice_counter_staleness_seconds_count{sharing="leader"}',
      'sluice_counters_evicted_total{sharing="gossip"}',
      'sluice_decision_duration_seconds_count{sharing="leader"}',
      'sluice_peers{state="suspect"}',
      'sluice_leader_term{slot="0"}',
    ]) {
      assert.equal(await readValue(metrics, series), 0, series);
    }
    assert.equal(await readValue(metrics, 'sluice_build_info{version="1.2.3"}'), 1);
  });

  it('escape names as the format demands', async () => {
    const metrics = started();
    metrics.telemetry.requestFinished(requestEvent({ route: 'a "quoted"\\ name' }));
    assert.equal(
      await readValue(metrics, 'sluice_requests_total{route="a \\"quoted\\"\\\\ name",outcome="allowed"}'),
      1,
    );
  });

  it('count what a service answered, whoever is to blame for the rest', async () => {
    const answered = async (code: string): Promise<number | undefined> =>
      readValue(metrics, `sluice_upstream_responses_total{upstream="shop",code="${code}"}`);
    const metrics = started();
    for (const status of [200, 204, 302, 404, 503]) metrics.telemetry.requestFinished(requestEvent({ status }));
    metrics.telemetry.requestFinished(requestEvent({ status: 504, fault: 'upstream_timeout', outcome: 'error' }));
    metrics.telemetry.requestFinished(requestEvent({ status: 200, fault: 'upstream_truncated', outcome: 'error' }));
    metrics.telemetry.requestFinished(requestEvent({ status: 499, fault: 'client_aborted', outcome: 'error' }));
    metrics.telemetry.requestFinished(requestEvent({ status: 429, upstream: undefined, outcome: 'denied' }));
    assert.deepEqual(
      [
        await answered('2xx'),
        await answered('3xx'),
        await answered('4xx'),
        await answered('5xx'),
        await answered('failed'),
      ],
      [2, 1, 1, 1, 2],
    );
  });

  it('show how much of a limit its keys use', async () => {
    const metrics = started();
    for (const part of [0.1, 0.5, 0.92, 1, 1.01]) metrics.telemetry.limitUsed('per-client', part);
    const upTo = (le: string): Promise<number | undefined> =>
      readValue(metrics, `sluice_limit_used_ratio_bucket{le="${le}",limit="per-client"}`);
    assert.deepEqual([await upTo('0.5'), await upTo('0.95'), await upTo('1'), await upTo('+Inf')], [2, 3, 4, 5]);
  });

  it('count a request under its route, outcome, class of status and upstream', async () => {
    const metrics = started();
    metrics.telemetry.requestFinished(requestEvent());
    metrics.telemetry.requestFinished(
      requestEvent({ outcome: 'denied', status: 429, upstream: undefined, upstreamMs: undefined, durationMs: 0.3 }),
    );
    assert.equal(await readValue(metrics, 'sluice_requests_total{route="orders",outcome="allowed"}'), 1);
    assert.equal(await readValue(metrics, 'sluice_requests_total{route="orders",outcome="denied"}'), 1);
    const duration = (code: string, le: string) =>
      readValue(metrics, `sluice_request_duration_seconds_bucket{le="${le}",route="orders",code="${code}"}`);
    assert.equal(await duration('2xx', '0.01'), 0);
    assert.equal(await duration('2xx', '0.025'), 1);
    assert.equal(await duration('2xx', '+Inf'), 1);
    assert.equal(await duration('4xx', '0.0005'), 1);
    assert.equal(await readValue(metrics, 'sluice_upstream_duration_seconds_count{upstream="shop"}'), 1);
    assert.equal(await readValue(metrics, 'sluice_upstream_duration_seconds_sum{upstream="shop"}'), 0.011125);
  });

  it('count a denial out of memory as a denial and once more on its own', async () => {
    const metrics = started();
    metrics.telemetry.decision('per-client', 'redis', 'denied');
    metrics.telemetry.decision('per-client', 'redis', 'local_denial');
    const denied = 'sluice_decisions_total{limit="per-client",sharing="redis",verdict="denied"}';
    assert.equal(await readValue(metrics, denied), 2);
    assert.equal(await readValue(metrics, 'sluice_local_denials_total{limit="per-client"}'), 1);
  });

  it('count decisions from leases and what becomes of the units', async () => {
    const metrics = started();
    metrics.telemetry.leaseUnits('per-client', 'bought', 20);
    metrics.telemetry.leased('per-client', 3);
    metrics.telemetry.leased('per-client', 1);
    metrics.telemetry.leaseUnits('per-client', 'returned', 16);
    const units = (result: string) =>
      readValue(metrics, `sluice_lease_units_total{limit="per-client",result="${result}"}`);
    assert.equal(await readValue(metrics, 'sluice_lease_decisions_total{limit="per-client"}'), 2);
    assert.deepEqual(
      [await units('bought'), await units('used'), await units('returned'), await units('expired')],
      [20, 4, 16, 0],
    );
  });

  it('count the talk with other hosts in messages and bytes, and what was refused of it', async () => {
    const metrics = started();
    const { telemetry } = metrics;
    telemetry.peerMessage('mesh', 'sent', 700);
    telemetry.peerMessage('mesh', 'sent', 300);
    telemetry.peerMessage('membership', 'received', 80);
    telemetry.peerRefused('unauthenticated');
    telemetry.staleness('mesh', 0.15);
    assert.equal(await readValue(metrics, 'sluice_peer_messages_total{sharing="mesh",direction="sent"}'), 2);
    assert.equal(await readValue(metrics, 'sluice_peer_bytes_total{sharing="mesh",direction="sent"}'), 1_000);
    assert.equal(await readValue(metrics, 'sluice_peer_bytes_total{sharing="membership",direction="received"}'), 80);
    assert.equal(await readValue(metrics, 'sluice_peer_refusals_total{reason="unauthenticated"}'), 1);
    const staleness = (le: string) =>
      readValue(metrics, `sluice_counter_staleness_seconds_bucket{le="${le}",sharing="mesh"}`);
    assert.deepEqual([await staleness('0.1'), await staleness('0.2')], [0, 1]);
  });

  it('read who is there and who leads from those who know', async () => {
    const metrics = started();
    metrics.watch({
      peers: () => ({ alive: 3, suspect: 1, dead: 0, gone: 2 }),
      leaderTerms: () => [17, 0, 23],
    });
    assert.equal(await readValue(metrics, 'sluice_peers{state="alive"}'), 3);
    assert.equal(await readValue(metrics, 'sluice_peers{state="gone"}'), 2);
    assert.equal(await readValue(metrics, 'sluice_leader_term{slot="1"}'), 0);
    assert.equal(await readValue(metrics, 'sluice_leader_term{slot="2"}'), 23);
  });

  it('grow no label with traffic: what no configuration names is counted as none', async () => {
    const metrics = started();
    const lines = async () => (await metrics.render()).body.split('\n').length;
    const { telemetry } = metrics;
    const seen = (name: string): void => {
      telemetry.requestFinished(requestEvent({ route: name, upstream: name, status: 404, outcome: 'error' }));
      telemetry.decision(name, 'redis', 'denied');
      telemetry.fallback(name, 'local');
      telemetry.leased(name, 2);
      telemetry.leaseUnits(name, 'bought', 5);
      telemetry.upstreamEjected('shop', name);
      telemetry.upstreamEjected(name, name);
      telemetry.upstreamRetry(name);
    };
    seen('first');
    const before = await lines();
    for (let i = 0; i < 100; i++) seen(`unheard-of-${i}`);
    assert.equal(await lines(), before);
    assert.equal(await readValue(metrics, 'sluice_requests_total{route="none",outcome="error"}'), 101);
    assert.equal(await readValue(metrics, 'sluice_upstream_retries_total{upstream="none"}'), 101);
  });

  it('keep counting over a reload, and follow a limit to another way of sharing', async () => {
    const metrics = started();
    metrics.telemetry.decision('per-client', 'redis', 'allowed');
    metrics.declare({ ...NAMES, limits: [{ name: 'per-client', sharing: 'local', onFailure: 'allow' }] });
    metrics.telemetry.decision('per-client', 'local', 'allowed');
    const allowed = (sharing: string) =>
      readValue(metrics, `sluice_decisions_total{limit="per-client",sharing="${sharing}",verdict="allowed"}`);
    assert.equal(await allowed('redis'), 1);
    assert.equal(await allowed('local'), 1);
  });

  it('show the state of the circuit as one 1 among zeros', async () => {
    const metrics = started();
    const states = () =>
      Promise.all(
        ['closed', 'open', 'half_open'].map((s) => readValue(metrics, `sluice_store_circuit_state{state="${s}"}`)),
      );
    assert.deepEqual(await states(), [1, 0, 0]);
    metrics.telemetry.circuit('half_open');
    assert.deepEqual(await states(), [0, 0, 1]);
  });

  it('remember when a configuration was last taken into use', async () => {
    const clock = new VirtualClock(1_700_000_000_000);
    const metrics = started(clock);
    const series = 'sluice_config_last_reload_success_timestamp_seconds';
    clock.advance(60_000);
    metrics.telemetry.configReload('failure');
    assert.equal(await readValue(metrics, series), 1_700_000_000);
    metrics.telemetry.configReload('success');
    assert.equal(await readValue(metrics, series), 1_700_000_060);
  });

  it('read gauges that others keep', async () => {
    const metrics = started();
    assert.equal(await readValue(metrics, 'sluice_requests_in_flight'), 0);
    metrics.watch({ requestsInFlight: () => 3 });
    metrics.watch({ countersHeld: () => 1000, logLinesDropped: () => 2 });
    assert.equal(await readValue(metrics, 'sluice_requests_in_flight'), 3);
    assert.equal(await readValue(metrics, 'sluice_counters'), 1000);
    assert.equal(await readValue(metrics, 'sluice_log_lines_dropped_total'), 2);
  });

  it('sample how late the event loop is, and stop when closed', async () => {
    const clock = new VirtualClock();
    const metrics = started(clock);
    clock.advance(1000);
    assert.equal(await readValue(metrics, 'nodejs_eventloop_lag_seconds_count'), 50);
    metrics.close();
    clock.advance(1000);
    assert.equal(await readValue(metrics, 'nodejs_eventloop_lag_seconds_count'), 50);
  });

  it('tell the process’s own numbers in base units', async () => {
    const metrics = started();
    assert.ok(((await readValue(metrics, 'process_resident_memory_bytes')) ?? 0) > 10_000_000);
    assert.ok(((await readValue(metrics, 'process_cpu_seconds_total')) ?? 0) > 0);
    assert.ok(((await readValue(metrics, 'process_open_fds')) ?? 0) > 2);
    assert.ok(((await readValue(metrics, 'process_max_fds')) ?? 0) > 2);
  });
});

describe('the format of /metrics', () => {
  it('is OpenMetrics for whoever prefers it, as Prometheus does, and text for the others', async () => {
    const metrics = started();
    const typeFor = async (accept?: string) => (await metrics.render(accept)).contentType.split(';')[0];
    assert.equal(await typeFor(), 'text/plain');
    assert.equal(await typeFor('*/*'), 'text/plain');
    assert.equal(await typeFor('text/html,*/*;q=0.8'), 'text/plain');
    assert.equal(await typeFor('application/openmetrics-text'), 'application/openmetrics-text');
    assert.equal(
      await typeFor(
        'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      ),
      'application/openmetrics-text',
    );
    assert.equal(await typeFor('application/openmetrics-text;q=0.1, text/plain'), 'text/plain');
    assert.equal(await typeFor('application/openmetrics-text;q=0'), 'text/plain');
    assert.equal(await typeFor(';;,q=,application/openmetrics-text;q=x'), 'text/plain');
  });

  it('keeps the names of counters whoever asked before', async () => {
    const metrics = started();
    const first = await metrics.render('text/plain');
    const openMetrics = await metrics.render('application/openmetrics-text');
    const second = await metrics.render('text/plain');
    const counters = (body: string) => body.split('\n').filter((l) => l.startsWith('sluice_requests'));
    assert.deepEqual(counters(second.body), counters(first.body));
    assert.deepEqual(counters(openMetrics.body), counters(first.body));
    assert.match(openMetrics.body, /^# TYPE sluice_requests counter$/m);
    assert.match(openMetrics.body, /# EOF\n$/);
  });
});

describe('a histogram', () => {
  it('has buckets that only grow, end at the count, and add up to the sum', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.double({ noNaN: true, min: 0, max: 400 }), { maxLength: 50 }), async (seconds) => {
        const metrics = started();
        for (const s of seconds) metrics.telemetry.decisionTime('local', s);
        const { body } = await metrics.render();
        const buckets = [
          ...body.matchAll(/^sluice_decision_duration_seconds_bucket\{le="([^"]+)",sharing="local"\} (\d+)$/gm),
        ];
        let below = 0;
        for (const [, le, count] of buckets) {
          const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
          assert.equal(Number(count), seconds.filter((s) => s <= bound).length);
          assert.ok(Number(count) >= below);
          below = Number(count);
        }
        assert.equal(below, seconds.length);
        const sum = await readValue(metrics, 'sluice_decision_duration_seconds_sum{sharing="local"}');
        const expected = seconds.reduce((a, b) => a + b, 0);
        assert.ok(Math.abs((sum ?? Number.NaN) - expected) <= 1e-9 * Math.max(1, expected));
      }),
      { numRuns: 40 },
    );
  });

  it('takes no offence at numbers that a broken clock makes', async () => {
    const metrics = started();
    for (const seconds of [Number.NaN, Number.POSITIVE_INFINITY, -1]) metrics.telemetry.decisionTime('local', seconds);
    assert.equal(await readValue(metrics, 'sluice_decision_duration_seconds_count{sharing="local"}'), 1);
    assert.equal(await readValue(metrics, 'sluice_decision_duration_seconds_sum{sharing="local"}'), 0);
  });
});
