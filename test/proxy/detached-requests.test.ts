import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestFacts } from '../../src/limiter/facts.ts';
import { UNLIMITED } from '../../src/limiter/outcome.ts';
import type { DetachedRequest } from '../../src/proxy/detached-requests.ts';
import { DetachedRequests } from '../../src/proxy/detached-requests.ts';
import { detachedRequest } from '../../src/proxy/explained-request.ts';
import { DENIED, limitSet, noLimits, route } from './helpers.ts';

function request(change: Partial<DetachedRequest> = {}): DetachedRequest {
  return {
    method: 'GET',
    host: 'a.example.com',
    target: '/v1/a',
    headers: {},
    peer: '1.2.3.4',
    forwardedFor: undefined,
    ...change,
  };
}

const routes = [route({ name: 'api', match: { host: '*.example.com', path: '/v1/*', methods: ['GET'] } })];
const requests = new DetachedRequests(routes, ['10.0.0.0/8']);

describe('explaining a request', () => {
  test('finds its route as the gateway would, by the normalised path', () => {
    assert.deepEqual(requests.explain(request({ host: 'A.example.com:80', target: '/v1//%61?k=1' })), {
      method: 'GET',
      host: 'a.example.com',
      path: '/v1/a',
      clientIp: '1.2.3.4',
      route: 'api',
      upstream: 'main',
      limits: [],
    });
    assert.equal(requests.explain(request({ host: '', target: 'https://b.example.com/v1' })).route, 'api');
    assert.equal(requests.explain(request({ method: 'POST' })).route, undefined);
  });

  test('says why the gateway would answer 400', () => {
    const two = new DetachedRequests([route({ match: { path: '/v1/a' } })], []);
    for (const [bad, why] of [
      [{ target: 'a' }, 'the request target cannot be understood'],
      [{ target: '/v1/%00' }, 'the path cannot be read safely'],
      [{ host: 'a b' }, 'the host is not valid'],
      [{ peer: 'nonsense' }, 'the client address is not an IP address'],
      [{ target: '/v1%2Fa' }, 'the path has escaped slashes, which different servers read differently'],
    ] as const) {
      assert.throws(() => two.explain(request(bad)), { code: 'SLUICE_USAGE', message: why });
    }
  });

  test('believes X-Forwarded-For of a trusted proxy alone', () => {
    const forwardedFor = '9.9.9.9';
    assert.equal(requests.explain(request({ peer: '10.0.0.1', forwardedFor })).clientIp, '9.9.9.9');
    assert.equal(requests.explain(request({ forwardedFor })).clientIp, '1.2.3.4');
  });

  test('takes a URL as it is written, with the client it is asked about', () => {
    const described = {
      method: 'GET',
      url: 'http://a.example.com:80/v1/../v1/%61?k=1#x',
      headers: {},
      clientIp: '5.6.7.8',
    };
    assert.deepEqual(detachedRequest(described), {
      method: 'GET',
      host: 'a.example.com:80',
      target: '/v1/../v1/%61?k=1',
      headers: {},
      peer: '5.6.7.8',
      forwardedFor: undefined,
    });
    const bare = detachedRequest({ method: 'GET', url: 'http://a', headers: { host: 'b' }, clientIp: undefined });
    assert.deepEqual([bare.host, bare.target, bare.peer], ['b', '/', '127.0.0.1']);
  });
});

describe('deciding a request', () => {
  test('asks the limits of its route with everything they may look at', async () => {
    const seen: RequestFacts[] = [];
    const limits = limitSet((facts) => {
      seen.push(facts);
      return DENIED;
    });
    const limited = new DetachedRequests([route({ name: 'api', limits })], []);
    const headers = { 'x-key': 'v', accept: ['a', 'b'], gone: undefined };
    assert.equal(await limited.decide(request({ target: '/v1//%61?k=1', headers })), DENIED);
    const [facts] = seen;
    assert.ok(facts);
    assert.deepEqual(
      [facts.path, facts.host, facts.route, facts.clientIp, facts.header('x-key'), facts.query('k')],
      ['/v1/a', 'a.example.com', 'api', '1.2.3.4', 'v', '1'],
    );
    assert.equal(facts.header('accept'), 'a, b');
    assert.equal(facts.header('gone'), undefined);
  });

  test('lets pass what no route limits, and answers 400 to what cannot be read', async () => {
    assert.equal(await requests.decide(request({ method: 'POST' })), UNLIMITED);
    const open = new DetachedRequests([route({ limits: noLimits })], []);
    assert.equal(await open.decide(request()), UNLIMITED);
    const { rejection } = await requests.decide(request({ target: '/v1/%00' }));
    assert.equal(rejection?.status, 400);
    assert.match(rejection.body, /cannot be read safely/);
  });
});
