/** Gateways that reach Redis over TLS, with certificates of an authority of its own. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Certificates } from '../support/certificates.ts';
import { createCertificates } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { request, startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';

describe('Redis over TLS', { concurrency: 2 }, () => {
  let certificates: Certificates;
  let upstream: Upstream;
  before(async () => {
    certificates = await createCertificates();
    upstream = await startUpstream();
  });
  after(async () => {
    certificates.remove();
    await upstream.close();
  });

  /** A server with a plain port for the test and a TLS port for gateways. */
  async function startTlsRedis(...args: readonly string[]): Promise<{ redis: Redis; tlsPort: number }> {
    const tlsPort = await freePort();
    const { ca, cert, key } = certificates;
    const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key];
    const redis = await startRedis({ args: ['--tls-port', String(tlsPort), ...files, ...args] });
    return { redis, tlsPort };
  }

  const start = (redis: object): Promise<Gateway> =>
    startGateway({
      config: {
        listen: '127.0.0.1:0',
        admin: { listen: '127.0.0.1:0' },
        log: { access: 'off' },
        redis: { timeout: '2s', ...redis },
        upstreams: { app: { servers: [upstream.url] } },
        routes: [{ upstream: 'app', limits: ['l'] }],
        limits: { l: { key: 'ip', rate: '3/1h', algorithm: 'fixed-window' } },
      },
    });

  /** Two gateways admit three of six together, and nothing fell back. */
  async function assertShared(redis: object): Promise<void> {
    await using a = await start(redis);
    await using b = await start(redis);
    const statuses: number[] = [];
    for (const { port } of [a, b, a, b, a, b]) statuses.push((await request({ port })).status);
    assert.deepEqual(statuses, [200, 200, 200, 429, 429, 429]);
    for (const { adminUrl } of [a, b]) {
      assert.equal(await metric(adminUrl, /^sluice_store_errors_total/), 0);
      assert.equal(await metric(adminUrl, /^sluice_fallback_decisions_total/), 0);
    }
  }

  /** Why a gateway that started without Redis says it did. */
  async function reasonOf(redis: object): Promise<string> {
    await using gateway = await start(redis);
    assert.equal((await request({ port: gateway.port })).status, 200);
    const line = await eventually('it has said why', () =>
      gateway
        .stdout()
        .split('\n')
        .find((text) => text.includes('"reason":"redis')),
    );
    return (JSON.parse(line) as { reason: string }).reason;
  }

  it('a single server, which wants a certificate of the gateway as well', async () => {
    const { redis, tlsPort } = await startTlsRedis('--tls-auth-clients', 'yes');
    await using _ = redis;
    const { ca, cert, key } = certificates;
    await assertShared({ url: `rediss://127.0.0.1:${tlsPort}`, tls: { ca, cert, key } });
    assert.match(await reasonOf({ url: `rediss://127.0.0.1:${tlsPort}`, tls: { ca } }), /certificate|ECONNRESET/);
  });

  it('a server whose certificate has another name than its address', async () => {
    const { redis, tlsPort } = await startTlsRedis('--tls-auth-clients', 'no');
    await using _ = redis;
    const url = `rediss://127.0.0.1:${tlsPort}`;
    const { ca } = certificates;
    await assertShared({ url, tls: { ca, servername: 'redis.test' } });
    const other = await reasonOf({ url, tls: { ca, servername: 'other.test' } });
    assert.equal(other, 'redis: its certificate is for another name: see redis.tls.servername');
  });

  it('a server whose authority is not known, or that speaks no TLS: says so', async () => {
    const { redis, tlsPort } = await startTlsRedis('--tls-auth-clients', 'no');
    await using _ = redis;
    const unknown = await reasonOf({ url: `rediss://127.0.0.1:${tlsPort}` });
    assert.match(unknown, /^redis: .*its certificate is not trusted, see redis\.tls\.ca$/);
    const plain = await reasonOf({ url: `rediss://127.0.0.1:${redis.port}`, tls: { ca: certificates.ca } });
    assert.match(plain, /^redis: (it does not speak TLS there|.*ECONNRESET|connect ETIMEDOUT)/);
  });

  it('a cluster', async () => {
    const { redis, tlsPort } = await startTlsRedis(
      ...['--tls-auth-clients', 'no', '--cluster-enabled', 'yes', '--tls-cluster', 'yes'],
      ...['--cluster-announce-ip', '127.0.0.1', '--cluster-port', String(await freePort())],
    );
    await using _ = redis;
    await redis.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await eventually('the cluster is whole', async () =>
      (await redis.cli('CLUSTER', 'INFO')).includes('cluster_state:ok'),
    );
    await assertShared({ cluster: [`rediss://127.0.0.1:${tlsPort}`], tls: { ca: certificates.ca } });
  });
});
