import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RequestEvent } from '../../src/core/telemetry.ts';
import { attemptAttributes, serverAttributes, serverSpanName } from '../../src/tracing/attributes.ts';
import { requestEvent } from '../metrics/events.ts';

const route = (path: string | undefined) => ({ match: { path } });

const server = (changes: Partial<RequestEvent>, authority = 'shop.example', httpMinor = 1) =>
  serverAttributes(requestEvent(changes), { authority, httpMinor, route: route('/v1/*') });

const attempt = (origin: string, changes: Partial<RequestEvent> = {}) =>
  attemptAttributes({ spanId: '1', origin, from: 0, to: 1, status: 200, fault: undefined }, requestEvent(changes), 0);

describe('attributes', () => {
  it('tell a server by its name or address, and its port where it is said', () => {
    for (const [authority, address, port] of [
      ['shop.example', 'shop.example', undefined],
      ['shop.example:8080', 'shop.example', 8080],
      ['192.0.2.1:80', '192.0.2.1', 80],
      ['[2001:db8::1]', '2001:db8::1', undefined],
      ['[2001:db8::1]:8443', '2001:db8::1', 8443],
      ['', undefined, undefined],
    ] as const) {
      const found = server({}, authority);
      assert.deepEqual([found['server.address'], found['server.port']], [address, port], authority);
    }
    const found = attempt('https://[::1]:3000');
    assert.deepEqual([found['server.address'], found['server.port']], ['::1', 3000]);
  });

  it('have a URL without the query, and none after the server for OPTIONS *', () => {
    assert.equal(attempt('http://10.0.0.1:3000')['url.full'], 'http://10.0.0.1:3000/v1/orders');
    assert.equal(attempt('http://10.0.0.1:3000', { method: 'OPTIONS', path: '*' })['url.full'], 'http://10.0.0.1:3000');
  });

  it('are cut where a client chooses their length', () => {
    assert.equal(String(server({ path: `/${'a'.repeat(5_000)}` })['url.path']).length, 257);
    assert.equal(String(server({ method: 'X'.repeat(5_000) })['http.request.method_original']).length, 33);
    assert.equal(String(server({}, `${'a'.repeat(5_000)}:1`)['server.address']).length, 254);
  });

  it('say what failed, and that a refusal has not', () => {
    assert.equal(server({ status: 429, outcome: 'denied' })['error.type'], undefined);
    assert.equal(server({ status: 499, fault: 'client_aborted' })['error.type'], undefined);
    assert.equal(server({ status: 200, fault: 'upstream_truncated' })['error.type'], 'upstream_truncated');
    assert.equal(server({ status: 504, fault: 'upstream_timeout' })['error.type'], 'upstream_timeout');
    assert.equal(server({ status: 500 })['error.type'], '500');
  });

  it('tell HTTP/1.0 apart', () => assert.equal(server({}, 'h', 0)['network.protocol.version'], '1.0'));
});

describe('the name of a server span', () => {
  const nameOf = (method: string, path: string | undefined): string =>
    serverSpanName(requestEvent({ method }), { authority: '', httpMinor: 1, route: route(path) });

  it('is the method and the pattern of the route, never what the client asked for', () => {
    assert.equal(nameOf('GET', '/v1/*'), 'GET /v1/*');
    assert.equal(nameOf('GET', undefined), 'GET');
    assert.equal(nameOf('BREW', '/v1/*'), 'HTTP /v1/*');
    assert.equal(serverSpanName(requestEvent(), { authority: '', httpMinor: 1, route: undefined }), 'GET');
  });
});
