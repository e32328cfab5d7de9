/** How a gateway ends: told once, told twice, with requests running, with a store that does not answer. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { Connection, formatRequest, request, startUpstream } from '../support/http.ts';
import { startRedis } from '../support/redis.ts';

/** An upstream that answers when it is told to. */
interface Gate {
  readonly upstream: Upstream;
  open(): void;
}

async function startGate(): Promise<Gate> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const upstream = await startUpstream(async (_request, response) => {
    await promise;
    response.end('finished');
  });
  return { upstream, open: resolve };
}

function config(upstream: Upstream, more: object = {}): object {
  return {
    listen: '127.0.0.1:0',
    admin: { listen: '127.0.0.1:0' },
    upstreams: { app: { servers: [upstream.url] } },
    routes: [{ upstream: 'app', limits: ['l'] }],
    limits: { l: { key: 'ip', rate: '1000/1m' } },
    ...more,
  };
}

/** The exit code, once it has ended. */
async function ended(gateway: Gateway): Promise<number | null> {
  const { code } = await eventually('the process has ended', () => gateway.exit(), { within: 20_000 });
  return code;
}

async function refusesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(false));
      socket.once('error', () => resolve(true));
    });
  } finally {
    socket.destroy();
  }
}

describe('SIGTERM', { concurrency: 2 }, () => {
  it('is not ready, takes no new connection, finishes what runs, and exits with 0', async () => {
    const gate = await startGate();
    await using upstream = gate.upstream;
    await using gateway = await startGateway({ config: config(upstream) });
    const running = request({ port: gateway.port });
    await eventually('the request is running', () => upstream.requests === 1);
    assert.equal((await request({ port: gateway.adminPort, path: '/readyz' })).status, 200);

    gateway.signal('SIGTERM');
    const ready = await eventually('it is not ready', async () => {
      const reply = await request({ port: gateway.adminPort, path: '/readyz' });
      return reply.status === 503 && reply;
    });
    assert.match(ready.text(), /draining/);
    assert.equal((await request({ port: gateway.adminPort, path: '/healthz' })).status, 200);
    await eventually('new connections are refused', () => refusesConnections(gateway.port));

    gate.open();
    const reply = await running;
    assert.deepEqual([reply.status, reply.text(), reply.complete], [200, 'finished', true]);
    assert.equal(await ended(gateway), 0);
    assert.equal(gateway.stderr(), '');
  });

  it('answers one more request on a connection that was open, and says that it closes', async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream) });
    await using connection = await Connection.open(gateway.port);
    connection.write(formatRequest({ port: gateway.port }));
    assert.equal((await connection.readReply()).status, 200);
    gateway.signal('SIGTERM');
    await eventually('new connections are refused', () => refusesConnections(gateway.port));
    connection.write(formatRequest({ port: gateway.port }));
    const last = await connection.readReply();
    assert.deepEqual([last.status, last.header('connection')], [200, 'close']);
    assert.equal(await ended(gateway), 0);
  });

  it('goes on taking connections for shutdownDelay while readyz says 503, and closes them after each answer', async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream, { shutdownDelay: '1h' }) });
    const told = performance.now();
    gateway.signal('SIGTERM');
    await eventually('it is not ready', async () => {
      return (await request({ port: gateway.adminPort, path: '/readyz' })).status === 503;
    });
    await using connection = await Connection.open(gateway.port);
    connection.write(formatRequest({ port: gateway.port }));
    const reply = await connection.readReply();
    assert.deepEqual([reply.status, reply.header('connection')], [200, 'close']);
    await eventually('a second has passed', () => performance.now() - told > 1_100, { every: 20 });
    assert.equal((await request({ port: gateway.port })).status, 200);
    assert.equal(gateway.exit(), undefined);
    gateway.signal('SIGTERM');
    assert.equal(await ended(gateway), 143, 'who does not want to wait need not');
  });

  it('ends by itself when shutdownDelay is over', async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream, { shutdownDelay: '500ms' }) });
    const told = performance.now();
    gateway.signal('SIGTERM');
    assert.equal(await ended(gateway), 0);
    assert.ok(performance.now() - told >= 490);
  });

  it('cuts off what runs longer than shutdownTimeout, says so, and exits with 0', async () => {
    const gate = await startGate();
    await using upstream = gate.upstream;
    await using gateway = await startGateway({ config: config(upstream, { shutdownTimeout: '300ms' }) });
    const running = request({ port: gateway.port }).then(
      (reply) => reply.status,
      () => 'cut off',
    );
    await eventually('the request is running', () => upstream.requests === 1);
    const told = performance.now();
    gateway.signal('SIGTERM');
    assert.equal(await ended(gateway), 0);
    const took = performance.now() - told;
    assert.ok(took >= 290 && took < 3_000, `${took} ms`);
    assert.ok([503, 'cut off'].includes(await running));
    assert.match(gateway.stdout(), /shutdownTimeout passed/);
    gate.open();
  });

  it('waits for nobody who keeps an admin connection busy', async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream) });
    await using idle = await Connection.open(gateway.adminPort);
    idle.write(formatRequest({ port: gateway.adminPort, path: '/healthz' }));
    assert.equal((await idle.readReply()).status, 200);
    await using slow = await Connection.open(gateway.adminPort);
    slow.write(
      formatRequest({
        method: 'POST',
        port: gateway.adminPort,
        path: '/v1/explain',
        headers: { 'Content-Type': 'application/json', 'Content-Length': '99', Expect: '100-continue' },
      }),
    );
    // It has the request, and waits for a body that never comes.
    assert.equal((await slow.readHead()).status, 100);
    gateway.signal('SIGTERM');
    const told = performance.now();
    assert.equal(await ended(gateway), 0);
    assert.ok(performance.now() - told < 6_000);
  });

  it('does not wait for a Redis that is frozen', async () => {
    await using redis = await startRedis();
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream, { redis: { url: redis.url } }) });
    assert.equal((await request({ port: gateway.port })).status, 200);
    redis.freeze();
    const told = performance.now();
    gateway.signal('SIGTERM');
    assert.equal(await ended(gateway), 0);
    assert.ok(performance.now() - told < 3_000);
  });

  it('leaves, so that the others know how many are left', async () => {
    await using redis = await startRedis();
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream, { redis: { url: redis.url } }) });
    assert.equal(await redis.cli('ZCARD', 'sluice:{fleet}:instances'), '1');
    assert.equal(await gateway.stop(), 0);
    assert.equal(await redis.cli('ZCARD', 'sluice:{fleet}:instances'), '0');
  });
});

describe('told to stop once more', { concurrency: 2 }, () => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`${signal}: takes the echo of the first for the same, and ends at once on the next`, async () => {
      const gate = await startGate();
      await using upstream = gate.upstream;
      await using gateway = await startGateway({ config: config(upstream) });
      const running = request({ port: gateway.port }).catch(() => undefined);
      await eventually('the request is running', () => upstream.requests === 1);
      const told = performance.now();
      gateway.signal('SIGINT');
      gateway.signal('SIGINT');
      await eventually('it drains', () => /shutting down/.test(gateway.stdout()));
      await eventually('a second has passed', () => performance.now() - told > 1_100, { every: 20 });
      assert.equal(gateway.exit(), undefined);
      gateway.signal(signal);
      assert.equal(await ended(gateway), code);
      assert.ok(performance.now() - told < 4_000);
      await running;
      gate.open();
    });
  }
});

describe('a gateway that cannot start', { concurrency: 2 }, () => {
  it('says in one line which port is taken, and does not count as an instance', async () => {
    await using redis = await startRedis();
    await using upstream = await startUpstream();
    await using taken = await startUpstream();
    const inUse = (port: number): RegExp =>
      new RegExp(`^sluice: cannot listen on 127\\.0\\.0\\.1:${port}: .*in use.*\\n$`);
    for (const more of [{ listen: `127.0.0.1:${taken.port}` }, { admin: { listen: `127.0.0.1:${taken.port}` } }]) {
      const failed = await startGateway({ config: config(upstream, { redis: { url: redis.url }, ...more }) }).then(
        () => assert.fail('it started'),
        (error: unknown) => String(error),
      );
      assert.match(failed, /ended \(code 2\)/);
      assert.match(`${failed.split('stderr: ')[1]}\n`, inUse(taken.port));
      assert.equal(await redis.cli('ZCARD', 'sluice:{fleet}:instances'), '0');
    }
  });
});
