import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { after, before, describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { Echoed } from '../helpers.ts';
import { echo, exchange, startGateway } from '../helpers.ts';

/** A certificate that vouches for itself, and its key. */
function makeCertificate(folder: string, name: string, subject: string): { key: string; cert: string } {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const who = ['-subj', '/CN=sluice test', '-addext', `subjectAltName=${subject}`, '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...who, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

async function startTlsUpstream(
  t: TestContext,
  identity: { key: string; cert: string },
): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer(identity, echo);
  server.on('secureConnection', () => connections++);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

describe('an upstream over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  const trustedBefore = getCACertificates('default');
  const right = makeCertificate(folder, 'right', 'IP:127.0.0.1,DNS:localhost');
  const wrong = makeCertificate(folder, 'wrong', 'DNS:elsewhere.example');
  const stranger = makeCertificate(folder, 'stranger', 'IP:127.0.0.1');
  before(() => setDefaultCACertificates([...trustedBefore, right.cert, wrong.cert]));
  after(() => {
    setDefaultCACertificates(trustedBefore);
    rmSync(folder, { recursive: true });
  });

  test('is asked over one kept connection, bodies and all', async (t) => {
    const { port: secure, connections } = await startTlsUpstream(t, right);
    for (const name of ['127.0.0.1', 'localhost']) {
      const seenBefore = connections();
      const { port } = await startGateway(t, { servers: [`https://${name}:${secure}`] });
      const long = 'x'.repeat(40_000);
      for (const [framing, body] of [
        ['Content-Length: 5', 'hello'],
        [`Content-Length: ${long.length}`, long],
        ['Transfer-Encoding: chunked', `5\r\nhello\r\n0\r\n\r\n`],
      ] as const) {
        const answer = await exchange(t, port, `PUT /a HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${body}`);
        assert.equal(answer.status, 200);
        const echoed = JSON.parse(answer.body) as Echoed;
        assert.equal(echoed.body, body.startsWith('5\r\n') ? 'hello' : body);
      }
      assert.equal(connections() - seenBefore, 1);
    }
  });

  test('whose certificate is not trusted or names another gets nothing', async (t) => {
    for (const identity of [stranger, wrong]) {
      const { port: secure } = await startTlsUpstream(t, identity);
      const { port, event } = await startGateway(t, { servers: [`https://127.0.0.1:${secure}`] });
      const answer = await exchange(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.equal(answer.status, 502);
      assert.equal((await event(0)).fault, 'upstream_unreachable');
    }
  });
});
