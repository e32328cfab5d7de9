import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ChunkDecoder } from '../../../src/proxy/upstream/h1-chunks.ts';
import type { ResponseHeadText } from '../../../src/proxy/upstream/h1-head.ts';
import { CHUNKED, parseResponseHead, UNTIL_CLOSE } from '../../../src/proxy/upstream/h1-head.ts';
import type { LastHead } from '../../../src/proxy/upstream/h1-reader.ts';
import { ResponseReader } from '../../../src/proxy/upstream/h1-reader.ts';
import { lastChunkText, requestHeadText } from '../../../src/proxy/upstream/h1-request.ts';

function head(text: string): ResponseHeadText | undefined {
  return parseResponseHead(text, text.indexOf('\r\n\r\n'));
}

describe('response heads', () => {
  test('are read with their framing', () => {
    const sized = head('HTTP/1.1 200 OK\r\nContent-Length:  5 \r\nX:\t\r\n\r\n');
    assert.deepEqual(
      { ...sized },
      {
        status: 200,
        fields: ['Content-Length', '5', 'X', ''],
        length: 5,
        keepAlive: true,
        keepAliveSeconds: undefined,
      },
    );
    assert.equal(head('HTTP/1.1 200\r\nTransfer-Encoding: CHUNKED\r\n\r\n')?.length, CHUNKED);
    assert.equal(head('HTTP/1.1 200 \r\n\r\n')?.length, UNTIL_CLOSE);
    assert.equal(head('HTTP/1.1 204 \u00fcber\r\n\r\n')?.status, 204);
  });
  test('say whether the connection is kept', () => {
    assert.equal(head('HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\n')?.keepAlive, false);
    assert.equal(head('HTTP/1.0 200 OK\r\n\r\n')?.keepAlive, false);
    assert.equal(head('HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n')?.keepAlive, true);
    assert.equal(head('HTTP/1.1 200 OK\r\nKeep-Alive: max=5, timeout=7\r\n\r\n')?.keepAliveSeconds, 7);
  });
  test('that are malformed or uncertain are refused', () => {
    for (const text of [
      'HTTP/2.0 200 OK\r\n\r\n',
      'HTTP/1.1  200 OK\r\n\r\n',
      'HTTP/1.1 20 OK\r\n\r\n',
      'HTTP/1.1 2000 OK\r\n\r\n',
      'HTTP/1.1 099 OK\r\n\r\n',
      'http/1.1 200 OK\r\n\r\n',
      'HTTP/1.1 200 O\u0001K\r\n\r\n',
      'HTTP/1.1 200 OK\nX: 1\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX : 1\r\n\r\n',
      'HTTP/1.1 200 OK\r\n: 1\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX\r\n\r\n',
      'HTTP/1.1 200 OK\r\n X: 1\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX: a\u0000b\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX: a\nb\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n',
    ])
      assert.equal(head(text), undefined, JSON.stringify(text));
  });
  test('of any valid fields come back as they were', () => {
    const name = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_!~'), minLength: 1, maxLength: 9 });
    const value = fc
      .string({ unit: fc.constantFrom(...'ab ,;:"=\t\u00e9'), maxLength: 12 })
      .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), (fields) => {
        const text = `HTTP/1.1 200 OK\r\n${fields.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`;
        assert.deepEqual(head(text)?.fields, fields.flat());
      }),
    );
  });
});

/** Decodes input that arrives in the given pieces. */
function decode(
  text: string,
  cuts: readonly number[],
): { body: string; trailers: string[]; done: boolean; broken: boolean; rest: string } {
  const bytes = Buffer.from(text, 'latin1');
  const decoder = new ChunkDecoder();
  let body = '';
  let at = 0;
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  for (const end of [...ends, bytes.length]) {
    while (at < end && !decoder.done) {
      // Each piece is a buffer of its own that is overwritten afterwards, as a connection's read buffer is.
      const piece = Buffer.from(bytes.subarray(at, end));
      const stop = decoder.decode(piece, 0, piece.length, (chunk) => {
        body += chunk.toString('latin1');
      });
      piece.fill(0);
      if (stop === -1) return { body, trailers: [], done: false, broken: true, rest: '' };
      at += stop;
    }
  }
  return { body, trailers: decoder.trailers, done: decoder.done, broken: false, rest: text.slice(at) };
}

describe('chunks', () => {
  test('of any division come together, wherever the pieces are cut', () => {
    const chunk = fc.string({
      unit: fc.constantFrom('a', '\r', '\n', '0', ';', '\u00ff'),
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.array(chunk), fc.boolean(), fc.array(fc.nat(400)), (chunks, trailer, cuts) => {
        const framed = chunks
          .map((each, i) => `${each.length.toString(16)}${i % 2 === 0 ? '' : ';x="y"'}\r\n${each}\r\n`)
          .join('');
        const text = `${framed}0\r\n${trailer ? 'X-Sum: 1\r\nY: 2\r\n' : ''}\r\nNEXT`;
        const result = decode(text, cuts);
        assert.deepEqual(result, {
          body: chunks.join(''),
          trailers: trailer ? ['X-Sum', '1', 'Y', '2'] : [],
          done: true,
          broken: false,
          rest: 'NEXT',
        });
      }),
      { numRuns: 1_000 },
    );
  });
  test('with broken framing are refused', () => {
    for (const text of [
      '\r\n',
      'x\r\n',
      '-1\r\n',
      ' 5\r\nhello\r\n',
      '5\nhello',
      '5\r\nhelloX',
      '5\r\nhello\n',
      '5\r\nhello\r0',
      `${'1'.repeat(14)}\r\n`,
      '5;a\u0000\r\n',
      '5;\n',
      '0\r\nX : 1\r\n\r\n',
      '0\r\nX\r\n\r\n',
      `0\r\nX: ${'x'.repeat(20_000)}`,
      `5;${'x'.repeat(5_000)}`,
    ]) {
      assert.equal(decode(text, []).broken, true, JSON.stringify(text.slice(0, 30)));
    }
  });
});

describe('request heads', () => {
  const base = {
    method: 'GET',
    target: '/',
    host: 'h',
    fields: ['A', '1'],
    upgrade: undefined,
    body: undefined,
    streaming: false,
    length: undefined,
    fresh: false,
  };
  test('carry exactly the framing that was asked for', () => {
    assert.equal(requestHeadText(base), 'GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\n\r\n');
    assert.equal(
      requestHeadText({ ...base, length: 0 }),
      'GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nContent-Length: 0\r\n\r\n',
    );
    assert.match(requestHeadText({ ...base, streaming: true }), /\r\nTransfer-Encoding: chunked\r\n\r\n$/);
    assert.match(requestHeadText({ ...base, streaming: true, length: 5 }), /A: 1\r\nContent-Length: 5\r\n\r\n$/);
    assert.match(requestHeadText({ ...base, fields: ['TE', 'trailers'] }), /\r\nConnection: TE\r\n/);
    assert.match(requestHeadText({ ...base, upgrade: 'foo' }), /\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n$/);
    assert.equal(lastChunkText(['X', '1']), '0\r\nX: 1\r\n\r\n');
  });
});

describe('a response reader that knows the last head', () => {
  /** What a reader tells of an answer that comes in pieces. */
  function told(pieces: readonly string[], last: LastHead): unknown[] {
    const out: unknown[] = [];
    const reader = new ResponseReader(
      {
        information: ({ status }) => out.push(status),
        switching: () => out.push('switching'),
        head: ({ status, fields }) => out.push(status, [...fields]),
        data: (chunk) => out.push(chunk.toString('latin1')),
        complete: (_head, trailers) => out.push('complete', [...trailers]),
        broken: () => out.push('broken'),
      },
      false,
      last,
    );
    for (const piece of pieces) out.push(reader.read(Buffer.from(piece, 'latin1'), piece.length));
    return out;
  }

  test('tells the same as one that does not, whatever came before and however it is divided', () => {
    const answers = [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nhi',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: v\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi',
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(3_000)}\r\nContent-Length: 2\r\n\r\nhi`,
    ];
    const answer = fc.record({ text: fc.constantFrom(...answers), at: fc.nat(60) });
    fc.assert(
      fc.property(fc.array(answer, { minLength: 2, maxLength: 6 }), (sequence) => {
        const last: LastHead = { text: '', head: undefined };
        for (const { text, at } of sequence) {
          const pieces = [text.slice(0, at), text.slice(at)].filter((piece) => piece !== '');
          assert.deepEqual(told(pieces, last), told(pieces, { text: '', head: undefined }));
        }
      }),
    );
  });
});
