/** The edges of RFC 9110 and RFC 9112 where naive proxies go wrong, each on real sockets. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Echoed } from './helpers.ts';
import {
  answering,
  DENIED,
  echo,
  exchange,
  limitSet,
  parseResponse,
  RawClient,
  route,
  startGateway,
  startRawUpstream,
  startUpstream,
  until,
  values,
} from './helpers.ts';

describe('HTTP edges', { concurrency: true }, () => {
  test('hop-by-hop fields and fields named in Connection stay on their hop', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const response = await exchange(
      t,
      port,
      'GET / HTTP/1.1\r\nHost: h\r\nTE: gzip, trailers;q=0.5\r\nProxy-Authorization: Basic x\r\nKeep-Alive: timeout=9\r\nUpgrade: foo\r\n' +
        'Proxy-Connection: keep-alive\r\nProxy-Foo: 1\r\nX-Secret: 1\r\nX-Keep: 2\r\nHTTP2-Settings: x\r\nConnection: X-Secret, keep-alive\r\n\r\n',
    );
    const { rawHeaders } = JSON.parse(response.body) as Echoed;
    for (const name of [
      'te',
      'proxy-authorization',
      'keep-alive',
      'upgrade',
      'proxy-connection',
      'proxy-foo',
      'x-secret',
      'http2-settings',
    ]) {
      assert.deepEqual(values(rawHeaders, name), [], name);
    }
    assert.deepEqual(values(rawHeaders, 'x-keep'), ['2']);
  });

  test('TE: trailers is passed on', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const response = await exchange(
      t,
      port,
      'GET / HTTP/1.1\r\nHost: h\r\nTE: gzip, trailers\r\nConnection: TE\r\n\r\n',
    );
    assert.deepEqual(values((JSON.parse(response.body) as Echoed).rawHeaders, 'te'), ['trailers']);
  });

  test('hop-by-hop fields of the response stay on their hop', async (t) => {
    const upstream = await startRawUpstream(
      t,
      answering(
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=77\r\nX-Hop: 1\r\nX-End: 2\r\n' +
          'Proxy-Authenticate: Basic\r\nUpgrade: foo\r\nTE: x\r\n\r\nok',
      ),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const { fields, body } = await exchange(t, port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal(body, 'ok');
    for (const name of ['x-hop', 'proxy-authenticate', 'upgrade', 'te'])
      assert.deepEqual(values(fields, name), [], name);
    assert.deepEqual(values(fields, 'x-end'), ['2']);
    assert.ok(!values(fields, 'keep-alive').includes('timeout=77'));
  });

  test('two Host fields, none, or an invalid one are refused with 400', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    for (const hosts of [
      'Host: a\r\nHost: a\r\n',
      '',
      'Host: a b\r\n',
      'Host: u@a\r\n',
      'Host: a, b\r\n',
      'Host:\r\n',
    ]) {
      const response = await exchange(t, port, `GET / HTTP/1.1\r\n${hosts}\r\n`);
      assert.equal(response.status, 400, hosts);
      assert.equal((JSON.parse(response.body) as { code: string }).code, 'bad_host');
      assert.deepEqual(values(response.fields, 'content-type'), ['application/problem+json']);
    }
    const old = await exchange(t, port, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    assert.equal(old.status, 200);
  });

  test('the authority of an absolute-form target replaces Host', async (t) => {
    const upstream = await startUpstream(t, echo);
    const routes = [route({ name: 'right', match: { host: 'right' } })];
    const { port } = await startGateway(t, { servers: [upstream.origin], routes });
    const response = await exchange(t, port, 'GET http://right:1/p?q HTTP/1.1\r\nHost: wrong\r\n\r\n');
    const { url, rawHeaders } = JSON.parse(response.body) as Echoed;
    assert.equal(url, '/p?q');
    assert.deepEqual(values(rawHeaders, 'host'), ['right:1']);
    assert.deepEqual(values(rawHeaders, 'x-forwarded-host'), ['right:1']);
  });

  for (const [name, fields] of [
    ['an empty Transfer-Encoding beside Content-Length', 'Transfer-Encoding:\r\nContent-Length: 5\r\n'],
    ['Transfer-Encoding: ,chunked', 'Transfer-Encoding: ,chunked\r\n'],
    ['Transfer-Encoding beside Content-Length', 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'],
    ['two Content-Length fields', 'Content-Length: 5\r\nContent-Length: 5\r\n'],
    ['a list of lengths', 'Content-Length: 5, 5\r\n'],
    ['a signed length', 'Content-Length: +5\r\n'],
    ['Transfer-Encoding: identity', 'Transfer-Encoding: identity\r\n'],
    ['two chunked codings', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'],
    ['a blank before the colon', 'Content-Length : 5\r\n'],
    ['a folded line', 'X: a\r\n b\r\nContent-Length: 5\r\n'],
    ['a bare LF', 'X: a\nContent-Length: 5\r\n'],
  ] as const) {
    test(`a request with ${name} is refused, and what follows is not read as a request`, async (t) => {
      const seen: string[] = [];
      const upstream = await startUpstream(t, (req, res) => {
        seen.push(`${req.method} ${req.url}`);
        res.end();
      });
      const { port } = await startGateway(t, { servers: [upstream.origin] });
      const client = await RawClient.open(t, port);
      client.send(`POST /a HTTP/1.1\r\nHost: h\r\n${fields}\r\nhelloGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n`);
      const text = await client.closed();
      assert.equal(parseResponse(text).status, 400);
      assert.deepEqual(seen, []);
      assert.equal(text.split('HTTP/1.1 ').length, 2, 'one response');
    });
  }

  test('OPTIONS with Transfer-Encoding: gzip, chunked is refused with 501 and goes nowhere', async (t) => {
    const seen: string[] = [];
    const upstream = await startUpstream(t, (req, res) => {
      seen.push(req.url ?? '');
      res.end();
    });
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const client = await RawClient.open(t, port);
    client.send('OPTIONS / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
    assert.equal(parseResponse(await client.closed()).status, 501);
    assert.deepEqual(seen, []);
  });

  test('100 Continue is not sent before the limiter could refuse', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, {
      servers: [upstream.origin],
      limits: limitSet(() => DENIED),
    });
    const client = await RawClient.open(t, port);
    client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
    const text = await client.closed();
    assert.equal(parseResponse(text).status, 429);
    assert.ok(!text.includes('100 Continue'));
  });

  test('100 Continue is sent once the request is allowed, and Expect goes no further', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    for (const framing of ['Content-Length: 5', 'Content-Length: 20000', 'Transfer-Encoding: chunked']) {
      const client = await RawClient.open(t, port);
      client.send(`POST / HTTP/1.1\r\nHost: h\r\n${framing}\r\nExpect: 100-continue\r\n\r\n`);
      await client.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n');
      client.send(framing.includes('chunked') ? '5\r\nhello\r\n0\r\n\r\n' : 'x'.repeat(Number(framing.split(' ')[1])));
      const text = await client.until((all) => all.endsWith('"}'), 'the echo');
      const echoed = JSON.parse(parseResponse(text.slice(25)).body) as Echoed;
      assert.ok(echoed.body.length >= 5);
      assert.deepEqual(values(echoed.rawHeaders, 'expect'), []);
      client.socket.destroy();
    }
  });

  test('another expectation is refused with 417', async (t) => {
    const { port } = await startGateway(t, {});
    const response = await exchange(t, port, 'GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n');
    assert.equal(response.status, 417);
  });

  for (const [name, head] of [
    ['two Content-Length fields', 'Content-Length: 2\r\nContent-Length: 2\r\n'],
    ['two different lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n'],
    ['Content-Length beside Transfer-Encoding', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n'],
    ['an unknown transfer coding', 'Transfer-Encoding: gzip, chunked\r\n'],
    ['an odd transfer coding', 'Transfer-Encoding: ,chunked\r\n'],
    ['a folded line', 'X: a\r\n b\r\nContent-Length: 2\r\n'],
    ['a control character in a value', 'X: a\u0001b\r\nContent-Length: 2\r\n'],
    ['a blank before a colon', 'Content-Length : 2\r\n'],
  ] as const) {
    test(`a response with ${name} is answered with 502`, async (t) => {
      const upstream = await startRawUpstream(t, answering(`HTTP/1.1 200 OK\r\n${head}\r\nok`));
      const { port } = await startGateway(t, { servers: [upstream.origin] });
      const response = await exchange(t, port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      assert.equal(response.status, 502);
      assert.deepEqual(values(response.fields, 'content-type'), ['application/problem+json']);
    });
  }

  test('responses to HEAD, and 204 and 304, have no body and keep their fields', async (t) => {
    const answers: Record<string, string> = {
      '/head': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: x\r\n\r\n',
      '/bare': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      '/204': 'HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n',
      '/304': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\nETag: y\r\n\r\n',
    };
    const upstream = await startRawUpstream(
      t,
      answering((head) => answers[head.split(' ')[1] ?? ''] ?? ''),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const head = await exchange(t, port, 'HEAD /head HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.deepEqual(
      [head.status, values(head.fields, 'content-length'), values(head.fields, 'etag'), head.body],
      [200, ['100'], ['x'], ''],
    );
    const bare = await exchange(t, port, 'HEAD /bare HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.deepEqual([bare.status, values(bare.fields, 'content-length'), bare.body], [200, [], '']);
    const none = await exchange(t, port, 'GET /204 HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.deepEqual(
      [none.status, values(none.fields, 'content-length'), values(none.fields, 'x'), none.body],
      [204, [], ['1'], ''],
    );
    const same = await exchange(t, port, 'GET /304 HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.deepEqual(
      [same.status, values(same.fields, 'content-length'), values(same.fields, 'etag'), same.body],
      [304, ['50'], ['y'], ''],
    );
  });

  test('103 Early Hints go to HTTP/1.1 clients before the response, and not to HTTP/1.0 clients', async (t) => {
    const upstream = await startRawUpstream(
      t,
      answering(
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      ),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const client = await RawClient.open(t, port);
    client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    const text = await client.until((all) => all.endsWith('ok'));
    assert.match(text, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    const old = await exchange(t, port, 'GET / HTTP/1.0\r\n\r\n');
    assert.equal(old.status, 200);
  });

  test('trailers of the response arrive', async (t) => {
    const upstream = await startRawUpstream(
      t,
      answering(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n',
      ),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const client = await RawClient.open(t, port);
    client.send('GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: TE\r\n\r\n');
    const text = await client.until((all) => all.includes('\r\n0\r\n') && all.endsWith('\r\n\r\n'));
    assert.match(text, /\r\nTrailer: X-Sum\r\n/i);
    assert.ok(text.endsWith('2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n'), text);
  });

  test('trailers of the request arrive', {}, async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const response = await exchange(
      t,
      port,
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nHost: evil\r\ntraceparent: t\r\n\r\n',
    );
    const echoed = JSON.parse(response.body) as Echoed;
    assert.equal(echoed.body, 'ok');
    assert.deepEqual(echoed.rawTrailers, ['X-Sum', '7', 'traceparent', 't']);
    assert.deepEqual(values(echoed.rawHeaders, 'trailer'), ['X-Sum']);
  });

  test('X-Forwarded-* of an untrusted peer are replaced, of a trusted one extended', async (t) => {
    const upstream = await startUpstream(t, echo);
    const request =
      'GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nX-Forwarded-Proto: https\r\n' +
      'X-Forwarded-Host: outer\r\nForwarded: for=1.1.1.1\r\nX_Forwarded_For: 3.3.3.3\r\n\r\n';
    const untrusting = await startGateway(t, { servers: [upstream.origin] });
    const replaced = (JSON.parse((await exchange(t, untrusting.port, request)).body) as Echoed).rawHeaders;
    assert.deepEqual(values(replaced, 'x-forwarded-for'), ['127.0.0.1']);
    assert.deepEqual(values(replaced, 'x-forwarded-proto'), ['http']);
    assert.deepEqual(values(replaced, 'x-forwarded-host'), ['h']);
    assert.deepEqual(values(replaced, 'forwarded'), []);
    assert.deepEqual(values(replaced, 'x_forwarded_for'), []);
    const trusting = await startGateway(t, {
      servers: [upstream.origin],
      trustedProxies: ['127.0.0.0/8'],
    });
    const extended = (JSON.parse((await exchange(t, trusting.port, request)).body) as Echoed).rawHeaders;
    assert.deepEqual(values(extended, 'x-forwarded-for'), ['1.1.1.1, 2.2.2.2, 127.0.0.1']);
    assert.deepEqual(values(extended, 'x-forwarded-proto'), ['https']);
    assert.deepEqual(values(extended, 'x-forwarded-host'), ['outer']);
    assert.deepEqual(values(extended, 'forwarded'), ['for=1.1.1.1, for=127.0.0.1']);
    assert.equal((await trusting.event(0)).clientIp, '2.2.2.2');
  });

  test('Via is appended both ways, and Date is added only where it is missing', async (t) => {
    const upstream = await startRawUpstream(t, (socket) =>
      answering((head) => {
        const body = JSON.stringify(head);
        const date = head.includes(' /dated ') ? 'Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n' : '';
        return `HTTP/1.1 200 OK\r\n${date}Via: 1.0 inner\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      })(socket),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const dated = await exchange(t, port, 'GET /dated HTTP/1.0\r\nHost: h\r\nVia: 1.1 outer\r\n\r\n');
    assert.match(JSON.parse(dated.body) as string, /\r\nVia: 1\.1 outer\r\n(.*\r\n)*Via: 1\.0 sluice\r\n/);
    assert.deepEqual(values(dated.fields, 'via'), ['1.0 inner', '1.1 sluice']);
    assert.deepEqual(values(dated.fields, 'date'), ['Thu, 01 Jan 1970 00:00:00 GMT']);
    const undated = await exchange(t, port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal(values(undated.fields, 'date').length, 1);
  });

  test('an HTTP/1.0 client gets a body that ends with the connection, not chunks', async (t) => {
    const upstream = await startRawUpstream(
      t,
      answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n'),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const client = await RawClient.open(t, port);
    client.send('GET / HTTP/1.0\r\n\r\n');
    const text = await client.closed();
    assert.ok(!/transfer-encoding/i.test(text));
    assert.ok(text.endsWith('\r\n\r\nabcdef'), text);
  });

  test('a body that ends with the upstream connection arrives whole', async (t) => {
    const upstream = await startRawUpstream(t, (socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
    });
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const response = await exchange(t, port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal(response.body, 'all of it');
  });

  test('pipelined requests are answered in order', async (t) => {
    const upstream = await startUpstream(t, (req, res) => {
      setTimeout(() => res.end(`<${req.url}>`), req.url === '/1' ? 60 : 0);
    });
    const { port, events } = await startGateway(t, { servers: [upstream.origin] });
    const client = await RawClient.open(t, port);
    client.send(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`).join(''));
    const text = await client.until((all) => all.includes('</3>'));
    assert.match(text, /<\/1>.*<\/2>.*<\/3>/s);
    await until(() => events.length === 3, 'three events');
    assert.ok(events.every((event) => event.outcome === 'allowed'));
  });

  test('CONNECT, unknown methods, other versions and bytes that are no HTTP are refused', async (t) => {
    const { port, events } = await startGateway(t, {});
    const cases: [string, number][] = [
      ['CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n', 501],
      ['BREW / HTTP/1.1\r\nHost: h\r\n\r\n', 501],
      ['GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n', 400],
      ['GET * HTTP/1.1\r\nHost: h\r\n\r\n', 400],
      ['GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n', 400],
      ['\u0016\u0003\u0001\u0002\u0000\u0001', 400],
      ['GET / HTTP/1.1\r\nHost: h\r\nX: \u0000\r\n\r\n', 400],
    ];
    for (const [request, status] of cases) {
      const client = await RawClient.open(t, port);
      client.send(request);
      const response = parseResponse(await client.until((text) => text.endsWith('}')));
      assert.equal(response.status, status, request);
      assert.deepEqual(values(response.fields, 'content-type'), ['application/problem+json']);
      client.socket.destroy();
    }
    await until(() => events.length === cases.length, 'one event each');
    assert.ok(events.every((event) => event.outcome === 'error' && event.route === ''));
  });

  test('OPTIONS * is routed where any path is', {}, async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const response = await exchange(t, port, 'OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal((JSON.parse(response.body) as Echoed).url, '*');
  });

  test('Max-Forwards is counted down, and at zero the answer is ours', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const passed = await exchange(t, port, 'OPTIONS /a HTTP/1.1\r\nHost: h\r\nMax-Forwards: 3\r\n\r\n');
    assert.deepEqual(values((JSON.parse(passed.body) as Echoed).rawHeaders, 'max-forwards'), ['2']);
    const stopped = await exchange(t, port, 'OPTIONS /a HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n');
    assert.equal(stopped.status, 204);
  });

  test('a path is forwarded normalised, its query untouched', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const response = await exchange(t, port, 'GET /%61//b/../c%2fd?x=%61/../&y HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal((JSON.parse(response.body) as Echoed).url, '/a//c%2fd?x=%61/../&y');
  });

  test('a path whose two spellings select different routes is refused', async (t) => {
    const upstream = await startUpstream(t, echo);
    const routes = [route({ name: 'admin', match: { path: '/admin/*' } }), route({ name: 'rest' })];
    const { port, events } = await startGateway(t, { servers: [upstream.origin], routes });
    const hidden = await exchange(t, port, 'GET /admin%2fusers HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal(hidden.status, 400);
    assert.equal((JSON.parse(hidden.body) as { code: string }).code, 'ambiguous_path');
    const same = await exchange(t, port, 'GET /admin/a%2fb HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal(same.status, 200);
    assert.equal(events[1]?.route, 'admin');
  });

  test('a small body goes upstream in one piece with its head, and comes back so', {}, async (t) => {
    const pieces: string[] = [];
    const upstream = await startRawUpstream(t, (socket) => {
      socket.on('data', (chunk) => {
        pieces.push(chunk.toString('latin1'));
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const client = await RawClient.open(t, port);
    const got: string[] = [];
    client.socket.on('data', (chunk) => got.push(chunk.toString('latin1')));
    client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello');
    await client.until((text) => text.endsWith('ok'));
    assert.equal(pieces.length, 1);
    assert.equal(got.length, 1);
  });
});
