/** Lines as servers write them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LogEntry } from '../../../src/lab/replay/log-entry.ts';
import { knowsHeader } from '../../../src/lab/replay/log-entry.ts';
import { readLogLine } from '../../../src/lab/replay/log-line.ts';
import { logTimeOf, parseLogTime } from '../../../src/lab/replay/log-time.ts';

function entryOf(line: string | object): LogEntry {
  const read = readLogLine(typeof line === 'string' ? line : JSON.stringify(line));
  assert.ok(read !== 'other' && 'entry' in read, JSON.stringify(read));
  return read.entry;
}

function faultOf(line: string | object): string {
  const read = readLogLine(typeof line === 'string' ? line : JSON.stringify(line));
  assert.ok(read !== 'other' && 'fault' in read, JSON.stringify(read));
  return read.fault;
}

const AT = Date.UTC(2026, 6, 1, 12, 0, 5);

describe('times', () => {
  it('are read in every spelling', () => {
    const whole = { ms: AT, wholeSecond: true };
    assert.deepEqual(parseLogTime('01/Jul/2026:12:00:05 +0000'), whole);
    assert.deepEqual(parseLogTime('01/Jul/2026:05:30:05 -0630'), whole);
    assert.deepEqual(parseLogTime('2026-07-01T14:00:05+02:00'), whole);
    assert.deepEqual(parseLogTime('2026-07-01 12:00:05'), whole, 'without a zone: UTC');
    assert.deepEqual(parseLogTime(String(AT / 1_000)), whole);
    assert.deepEqual(parseLogTime('2026-07-01T12:00:05.250Z'), { ms: AT + 250, wholeSecond: false });
    assert.deepEqual(parseLogTime('01/Jul/2026:12:00:05.5 +0000'), { ms: AT + 500, wholeSecond: false });
    for (const text of ['', 'yesterday', '01/Juli/2026:12:00:05 +0000', '2026-13-45T99:00:00Z', '-5']) {
      assert.equal(parseLogTime(text), undefined, text);
    }
  });

  it('as numbers are seconds to nanoseconds by their size', () => {
    for (const scale of [1, 1e3, 1e6, 1e9]) {
      const time = logTimeOf((AT / 1_000 + 0.25) * scale);
      assert.ok(time !== undefined && Math.abs(time.ms - AT - 250) < 0.01 && !time.wholeSecond, String(scale));
    }
    assert.deepEqual([logTimeOf(-1), logTimeOf(Number.NaN)], [undefined, undefined]);
  });
});

describe('the combined format', () => {
  const common = '192.0.2.7 - frank smith [01/Jul/2026:12:00:05 +0000] "get /a%20b?x=1 HTTP/1.1" 200 512';

  it('is a request, with referer and user agent', () => {
    const entry = entryOf(`${common} "https://example.org/" "a \\"quoted\\" agent"`);
    assert.deepEqual(
      [entry.atMs, entry.client, entry.method, entry.target, entry.status, entry.host, entry.durationMs],
      [AT, '192.0.2.7', 'GET', '/a%20b?x=1', 200, undefined, undefined],
    );
    assert.deepEqual(entry.headers, { referer: 'https://example.org/', 'user-agent': 'a "quoted" agent' });
    assert.ok(
      knowsHeader(entry, 'referer') && !knowsHeader(entry, 'x-api-key') && !knowsHeader(entry, 'x-forwarded-for'),
    );
  });

  it('may be shorter or longer: the common format, a virtual host, X-Forwarded-For, how long it took', () => {
    assert.equal(knowsHeader(entryOf(common), 'referer'), false);
    assert.equal(entryOf(`shop.example:443 ${common} "-" "-"`).host, 'shop.example:443');
    const forwarded = entryOf(`${common} "-" "-" "198.51.100.1, 10.0.0.1"`);
    assert.deepEqual(forwarded.headers, { 'x-forwarded-for': '198.51.100.1, 10.0.0.1' });
    assert.ok(knowsHeader(entryOf(`${common} "-" "-" "-"`), 'x-forwarded-for'));
    const traefik = entryOf(`${common} "-" "curl" 42 "router@file" "http://10.0.0.9:80" 137ms`);
    assert.deepEqual([traefik.durationMs, traefik.headers], [137, { 'user-agent': 'curl' }]);
    assert.equal(entryOf('2001:DB8::7 - - [01/Jul/2026:12:00:05 +0000] "GET / HTTP/2.0" 200 1').client, '2001:db8::7');
  });

  it('says what is wrong with a line', () => {
    assert.match(faultOf('hello'), /neither JSON nor the combined format/);
    assert.match(faultOf(common.replace('192.0.2.7', 'client.example')), /no address/);
    assert.match(faultOf(common.replace('Jul', 'Jux')), /no time: \[01\/Jux/);
    assert.match(faultOf(common.replace('get /a%20b?x=1 HTTP/1.1', '\\x16\\x03\\x01')), /no request was understood/);
    assert.match(faultOf(common.replace('HTTP/1.1" 200 512', '')), /"request" has no end/);
    for (const line of ['', '   ', '#Version: 1.0']) assert.equal(readLogLine(line), 'other');
  });
});

describe('JSON lines', () => {
  it("are Sluice's own", () => {
    const entry = entryOf({
      level: 'info',
      time: '2026-07-01T12:00:05.250Z',
      route: 'r',
      method: 'GET',
      path: '/v1/a',
      status: 429,
      outcome: 'denied',
      client: '192.0.2.7',
      durationMs: 50,
      decisionMs: 0.1,
      bytesIn: 0,
      bytesOut: 9,
      msg: 'request',
    });
    assert.deepEqual(
      [entry.atMs, entry.wholeSecond, entry.client, entry.target, entry.status, entry.durationMs, entry.hasQuery],
      [AT + 200, false, '192.0.2.7', '/v1/a', 429, 50, false],
    );
    assert.equal(readLogLine('{"level":"info","time":"2026-07-01T12:00:05.250Z","msg":"reloaded"}'), 'other');
  });

  it("are nginx's", () => {
    const entry = entryOf({
      msec: '1782907205.250',
      time_iso8601: '2026-07-01T12:00:05+00:00',
      remote_addr: '192.0.2.7',
      http_host: 'a.example',
      request: 'POST /b?c=d HTTP/1.1',
      request_time: '0.250',
      status: '201',
      http_x_api_key: 'k',
      http_referer: '-',
    });
    assert.deepEqual(
      [entry.atMs, entry.method, entry.target, entry.host, entry.status, entry.durationMs],
      [AT, 'POST', '/b?c=d', 'a.example', 201, 250],
    );
    assert.equal(entry.headers['x-api-key'], 'k');
    assert.ok(knowsHeader(entry, 'referer') && !knowsHeader(entry, 'cookie'));
    const parts = entryOf({
      time_local: '01/Jul/2026:12:00:05 +0000',
      remote_addr: '::1',
      request_method: 'GET',
      uri: '/x',
      args: 'y=z',
    });
    assert.deepEqual([parts.target, parts.wholeSecond, parts.atMs], ['/x?y=z', true, AT]);
  });

  it("are Caddy's, which hold all headers but those it hides", () => {
    const entry = entryOf({
      level: 'info',
      ts: AT / 1_000 + 0.25,
      logger: 'http.log.access',
      msg: 'handled request',
      duration: 0.25,
      status: 200,
      request: {
        remote_ip: '10.0.0.1',
        client_ip: '198.51.100.1',
        proto: 'HTTP/2.0',
        method: 'GET',
        host: 'a.example',
        uri: '/q?z=1',
        headers: { 'X-Forwarded-For': ['198.51.100.1'], Authorization: ['REDACTED'], 'X-Api-Key': ['k'] },
      },
    });
    assert.deepEqual(
      [entry.atMs, entry.client, entry.target, entry.host, entry.headers['x-api-key'], entry.headers['authorization']],
      [AT, '10.0.0.1', '/q?z=1', 'a.example', 'k', undefined],
    );
    assert.ok(knowsHeader(entry, 'x-other') && !knowsHeader(entry, 'authorization'));
  });

  it("are Traefik's and Envoy's, which say when requests began", () => {
    const traefik = entryOf({
      ClientAddr: '192.0.2.7:4711',
      ClientHost: '192.0.2.7',
      RequestMethod: 'GET',
      RequestPath: '/t?u=v',
      RequestHost: 'a.example',
      StartUTC: '2026-07-01T12:00:05.123456789Z',
      Duration: 2_000_000,
      DownstreamStatus: 200,
      'request_X-Api-Key': 'k',
      time: '2026-07-01T12:00:06Z',
      level: 'info',
      msg: '',
    });
    assert.ok(Math.abs(traefik.atMs - AT - 123.457) < 0.01);
    assert.deepEqual([traefik.durationMs, traefik.target, traefik.headers['x-api-key']], [2, '/t?u=v', 'k']);
    const envoy = entryOf({
      start_time: '2026-07-01T12:00:05.100Z',
      method: 'GET',
      path: '/e',
      authority: 'a.example',
      response_code: 200,
      duration: 7,
      downstream_remote_address: '[2001:db8::7]:4711',
      user_agent: 'x',
      x_forwarded_for: null,
    });
    assert.deepEqual(
      [envoy.atMs, envoy.client, envoy.host, envoy.durationMs],
      [AT + 100, '2001:db8::7', 'a.example', 7],
    );
  });

  it('say what is wrong with a line', () => {
    const good = { time: '2026-07-01T12:00:05Z', client: '192.0.2.7', method: 'GET', path: '/' };
    assert.match(faultOf('{"time":'), /begins like JSON/);
    assert.match(faultOf({ ...good, path: undefined }), /no path/);
    assert.match(faultOf({ ...good, client: 'somebody' }), /no address/);
    assert.match(faultOf({ ...good, time: 'now' }), /no time/);
  });
});

describe('any line', () => {
  it('is read without an exception', () => {
    const line = '192.0.2.7 - - [01/Jul/2026:12:00:05 +0000] "GET /a HTTP/1.1" 200 512 "-" "agent"';
    const json = JSON.stringify({
      time: 1,
      client: '192.0.2.7',
      method: 'GET',
      path: '/',
      request: { headers: { a: ['b', 1] } },
    });
    const damaged = fc.tuple(fc.constantFrom(line, json), fc.nat(150), fc.nat(20), fc.string({ maxLength: 9 }));
    const values = fc.dictionary(
      fc.constantFrom(
        'time',
        'ts',
        'client',
        'method',
        'path',
        'request',
        'headers',
        'duration',
        'status',
        'http_x',
        'request_X',
        'host',
        'uri',
      ),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(
        damaged,
        ([text, at, cut, more]) => void readLogLine(text.slice(0, at) + more + text.slice(at + cut)),
      ),
    );
    fc.assert(fc.property(fc.string(), (text) => void readLogLine(text)));
    fc.assert(fc.property(values, (value) => void readLogLine(JSON.stringify(value))));
  });
});
