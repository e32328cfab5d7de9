import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { RequestText } from '../../../src/proxy/downstream/request-line.ts';
import { parseRequest, startFault } from '../../../src/proxy/downstream/request-line.ts';
import { RequestHead, requestFraming } from '../../../src/proxy/request-head.ts';
import { parseTarget } from '../../../src/proxy/target.ts';

function parse(text: string): RequestText {
  const end = text.indexOf('\r\n\r\n');
  return parseRequest(text, 0, end);
}

describe('a request head', () => {
  test('is taken apart', () => {
    assert.deepEqual(parse('GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX-Blank: \t v \t\r\n\r\nrest'), {
      fault: undefined,
      method: 'GET',
      target: '/a?b=c',
      minor: 1,
      fields: ['Host', 'h', 'X-Empty', '', 'X-Blank', 'v'],
    });
    assert.equal(parse('OPTIONS * HTTP/1.0\r\n\r\n').minor, 0);
    assert.equal(parse('QUERY / HTTP/1.1\r\n\r\n').method, 'QUERY');
  });

  test('that could be read in two ways is refused', () => {
    for (const text of [
      'GET  / HTTP/1.1\r\n\r\n',
      'GET /  HTTP/1.1\r\n\r\n',
      'GET /a b HTTP/1.1\r\n\r\n',
      'GET /a\tb HTTP/1.1\r\n\r\n',
      'GET /a\u0000b HTTP/1.1\r\n\r\n',
      'GET /a\u007fb HTTP/1.1\r\n\r\n',
      'GET /\u00e9 HTTP/1.1\r\n\r\n',
      'GET\t/ HTTP/1.1\r\n\r\n',
      ' GET / HTTP/1.1\r\n\r\n',
      'GET HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1 \r\n\r\n',
      'GET / http/1.1\r\n\r\n',
      'GET / HTTP/11\r\n\r\n',
      'GET / HTTP/1.10\r\n\r\n',
      'GET / HTTP/01.1\r\n\r\n',
      'GET /\r\n\r\n',
      'get / HTTP/1.1\r\n\r\n',
      'G(T / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nHost : h\r\n\r\n',
      'GET / HTTP/1.1\r\n Host: h\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n',
      'GET / HTTP/1.1\r\nHost\r\n\r\n',
      'GET / HTTP/1.1\r\n: h\r\n\r\n',
      'GET / HTTP/1.1\r\nX: \u0000\r\n\r\n',
      'GET / HTTP/1.1\r\nX\u00e9: y\r\n\r\n',
      'GET / HTTP/1.1\nHost: h\r\n\r\n',
    ]) {
      assert.equal(parse(text).fault?.code, 'malformed_request', JSON.stringify(text));
    }
  });

  test('of another version or method says so', () => {
    assert.equal(parse('GET / HTTP/2.0\r\n\r\n').fault?.code, 'bad_version');
    assert.equal(parse('GET / HTTP/1.2\r\n\r\n').fault?.code, 'bad_version');
    assert.equal(parse('BREW / HTTP/1.1\r\n\r\n').fault?.code, 'method_not_supported');
  });

  test('whose beginning is no HTTP need not end to be refused', () => {
    for (const text of [
      '',
      '\r',
      'G',
      'GET',
      'GET ',
      'GET /a HTTP/1.1\r',
      'GET / HTTP/1.1\r\nX: y\r\n\r',
      'PROPFIND',
    ]) {
      assert.equal(startFault(text, 0), undefined, JSON.stringify(text));
    }
    for (const text of [
      '\u0016\u0003\u0001',
      'G\n',
      '\rG',
      'x y',
      'GET / HTTP/1.1\n',
      'GET / HTTP/1.1\r\nX: \u0000',
      'A'.repeat(33),
    ]) {
      assert.equal(startFault(text, 0)?.status, 400, JSON.stringify(text));
    }
    assert.equal(startFault('BREW ', 0)?.status, 501);
  });
});

/** How Node's own server reads a head: undefined when it refuses it. */
async function nodeReader(t: TestContext): Promise<(text: string) => Promise<IncomingMessage | undefined>> {
  const read = new Map<number, IncomingMessage>();
  const server = createServer({ requireHostHeader: false, shouldUpgradeCallback: () => false }, (req, res) => {
    if (req.socket.remotePort !== undefined) read.set(req.socket.remotePort, req);
    res.destroy();
  });
  server.on('checkExpectation', (req, res) => server.emit('request', req, res));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return async (text) => {
    const socket = connect({ port, host: '127.0.0.1' });
    await new Promise<void>((resolve) => {
      socket.once('connect', resolve);
    });
    const { localPort = 0 } = socket;
    socket.on('error', () => {});
    socket.end(text, 'latin1');
    socket.resume();
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
    });
    return read.get(localPort);
  };
}

const PIECES = [
  'GET',
  'POST',
  ' ',
  '  ',
  '/',
  '/a',
  '*',
  'HTTP/1.1',
  'HTTP/1.0',
  '\r\n',
  '\n',
  '\r',
  '\t',
  ':',
  ': ',
  ' :',
  ',',
  'Host',
  'h',
  'X',
  'Content-Length',
  'Transfer-Encoding',
  'chunked',
  'identity',
  '5',
  '05',
  '+5',
  '0x5',
  '',
  '\u0000',
  '\u007f',
  '\u00e9',
  '\u000b',
  ';',
  'Connection',
  'close',
];

test('heads are read as another strict reader reads them, or refused', async (t) => {
  const read = await nodeReader(t);
  const head = fc.record({
    line: fc.constantFrom('GET / HTTP/1.1', 'POST /a HTTP/1.1', 'GET / HTTP/1.0'),
    fields: fc.array(
      fc.tuple(
        fc.constantFrom('Host', 'X', 'Content-Length', 'Transfer-Encoding', 'transfer-encoding'),
        fc.constantFrom(':', ': ', ' : ', ':\t'),
        fc.constantFrom('h', '5', '5, 5', '+5', 'chunked', 'chunked, chunked', ' chunked ', 'x\u00e9', '', 'identity'),
      ),
      { maxLength: 4 },
    ),
    noise: fc.array(fc.tuple(fc.nat(80), fc.constantFrom(...PIECES)), { maxLength: 2 }),
  });
  const property = fc.asyncProperty(head, async ({ line, fields, noise }) => {
    let text = `${[line, ...fields.map((field) => field.join(''))].join('\r\n')}\r\n`;
    for (const [at, piece] of noise) text = text.slice(0, at) + piece + text.slice(at);
    text += '\r\n';
    const end = text.indexOf('\r\n\r\n');
    if (end === -1 || text.startsWith('\r\n')) return;
    const ours = parseRequest(text, 0, end);
    if (ours.fault !== undefined || parseTarget(ours.method, ours.target) === undefined) return;
    const framing = requestFraming(new RequestHead(ours.fields), ours.minor);
    if (framing === 'malformed' || framing === 'unsupported') return;
    const theirs = await read(text.slice(0, end + 4));
    assert.ok(theirs, `accepted by us alone: ${JSON.stringify(text)}`);
    assert.deepEqual(
      [ours.method, ours.target, ours.minor, ours.fields],
      [theirs.method, theirs.url, theirs.httpVersionMinor, theirs.rawHeaders],
      JSON.stringify(text),
    );
  });
  await fc.assert(property, { numRuns: 400 });
});
