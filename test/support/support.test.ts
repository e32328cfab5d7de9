import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { spawnOwned } from './child.ts';
import { startEtcd } from './etcd.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { Connection, formatRequest, request, startUpstream } from './http.ts';
import { startRedis } from './redis.ts';
import { missingServers, TEST_SERVERS } from './servers.ts';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A zombie answers to signal 0 although it has ended.
    return !/^State:\s+Z/m.test(spawnSync('cat', [`/proc/${pid}/status`], { encoding: 'utf8' }).stdout);
  } catch {
    return false;
  }
};

describe('startRedis', () => {
  it('answers, restarts on its port without its data, and is gone after its scope', async () => {
    let pid: number;
    {
      await using redis = await startRedis();
      assert.equal(await redis.cli('SET', 'a', '1'), 'OK');
      const { port } = redis;
      await redis.restart();
      assert.equal(redis.port, port);
      assert.equal(await redis.cli('EXISTS', 'a'), '0');
      pid = redis.pid;
    }
    assert.equal(isAlive(pid), false);
  });

  it('comes back after kill -9 and after a freeze', async () => {
    await using redis = await startRedis();
    await redis.kill9();
    await assert.rejects(redis.cli('PING'));
    await redis.restart();
    redis.freeze();
    redis.thaw();
    assert.equal(await redis.cli('PING'), 'PONG');
    redis.freeze();
    await redis.restart();
    assert.equal(await redis.cli('PING'), 'PONG');
  });

  it('rejects with the server’s own words when an option is wrong', async () => {
    await assert.rejects(
      startRedis({ port: await freePort(), args: ['--no-such-option', '1'] }),
      /did not become ready/,
    );
  });

  it('does not take a stranger on its port for itself', async () => {
    await using stranger = await startRedis();
    await assert.rejects(startRedis({ port: stranger.port }), /did not become ready/);
  });

  it('rejects a command that the server refuses', async () => {
    await using redis = await startRedis();
    await assert.rejects(redis.cli('NOSUCHCOMMAND'), /unknown command/);
  });
});

describe('startEtcd', { timeout: 60_000 }, () => {
  it('comes back with its data or without, after a crash and after a freeze', async () => {
    await using etcd = await startEtcd();
    await etcd.ctl('put', 'a', '1');
    etcd.freeze();
    await etcd.restart();
    assert.equal(await etcd.ctl('get', 'a', '--print-value-only'), '1');
    await etcd.kill9();
    await assert.rejects(etcd.ctl('get', 'a', '--command-timeout=500ms'));
    await etcd.restart({ empty: true });
    assert.equal(await etcd.ctl('get', 'a', '--print-value-only'), '');
  });

  it('rejects with the server’s own words when an option is wrong', async () => {
    await assert.rejects(startEtcd({ args: ['--no-such-option'] }), /did not become ready.*no-such-option/s);
  });
});

describe('spawnOwned', () => {
  it('ends the child when its parent is killed with SIGKILL', { skip: process.platform !== 'linux' }, async () => {
    const module = fileURLToPath(new URL('./child.ts', import.meta.url));
    const script = `
      import { spawnOwned } from ${JSON.stringify(module)};
      const child = spawnOwned('sleep', ['60'], { stdio: 'ignore' });
      console.log(child.pid);
      setInterval(() => {}, 1000);`;
    const parent = spawnOwned(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.ok(parent.stdout);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const grandchild = Number(line.toString());
    assert.ok(isAlive(grandchild));
    parent.kill('SIGKILL');
    await eventually('the grandchild has ended', () => !isAlive(grandchild));
  });
});

describe('eventually', () => {
  it('hands on the first value that is not false or undefined', async () => {
    let looks = 0;
    assert.equal(await eventually('three looks', () => (++looks < 3 ? undefined : looks), { every: 0 }), 3);
  });

  it('says what it waited for and what it saw last', async () => {
    const look = (): never => {
      throw new Error('nothing there');
    };
    await assert.rejects(eventually('the sky falls', look, { within: 10, every: 1 }), /the sky falls.*nothing there/);
  });
});

describe('the HTTP client', () => {
  const answering = async (bytes: string): Promise<{ port: number } & AsyncDisposable> => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(Buffer.from(bytes, 'latin1')));
    });
    server.listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    return {
      port: address.port,
      [Symbol.asyncDispose]: async () => {
        server.close();
        await once(server, 'close');
      },
    };
  };

  it('reads interim heads, chunks and trailers', async () => {
    await using server = await answering(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n',
    );
    const reply = await request({ port: server.port });
    assert.deepEqual(
      reply.interim.map((each) => each.status),
      [100],
    );
    assert.equal(reply.text(), 'abcde');
    assert.deepEqual(reply.trailers, [['X-Sum', '5']]);
    assert.ok(reply.complete);
  });

  it('tells a truncated body from a whole one, framed either way', async () => {
    await using short = await answering('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
    const counted = await request({ port: short.port });
    assert.equal(counted.complete, false);
    assert.equal(counted.text(), 'abc');
    await using cut = await answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab');
    assert.equal((await request({ port: cut.port })).complete, false);
  });

  it('keeps duplicate fields apart and joins them on request', async () => {
    await using server = await answering('HTTP/1.1 204 No Content\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n');
    const reply = await request({ port: server.port });
    assert.equal(reply.fields.length, 2);
    assert.equal(reply.header('SET-COOKIE'), 'a, b');
  });

  it('reads pipelined replies one after another on one connection', async () => {
    await using upstream = await startUpstream((message, response) => void response.end(message.url));
    await using connection = await Connection.open(upstream.port);
    for (const path of ['/1', '/2']) connection.write(formatRequest({ port: upstream.port, path }));
    assert.equal((await connection.readReply()).text(), '/1');
    assert.equal((await connection.readReply()).text(), '/2');
    assert.equal(upstream.requests, 2);
    assert.equal(upstream.connections, 1);
  });

  it('rejects when nothing answers in time', async () => {
    await using upstream = await startUpstream(() => undefined);
    await using connection = await Connection.open(upstream.port, 20);
    connection.write(formatRequest({ port: upstream.port }));
    await assert.rejects(connection.readReply(), /no byte came in 20 ms/);
  });
});

describe('install-servers', () => {
  const install = (...args: readonly string[]): { status: number | null; stderr: string } =>
    spawnSync(process.execPath, [fileURLToPath(new URL('./install-servers.ts', import.meta.url)), ...args], {
      encoding: 'utf8',
    });

  it('says nothing when everything is there', { skip: missingServers(TEST_SERVERS).length > 0 }, () => {
    const run = install();
    assert.deepEqual([run.status, run.stderr], [0, '']);
  });

  it('names an unknown server in one line', () => {
    const run = install('no-such-server');
    assert.deepEqual([run.status, run.stderr], [1, 'unknown server: no-such-server\n']);
  });
});
