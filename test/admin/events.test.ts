/** `GET /v1/events`: what it sends, and what it takes from the gateway. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Snapshot } from '../../src/admin/page/snapshot-schema.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { eventually } from '../support/eventually.ts';
import { Connection, formatRequest } from '../support/http.ts';
import type { OpenApi, Running } from './harness.ts';
import { LIMIT, problemOf, startAdmin } from './harness.ts';

/** A client that reads events as they come. */
class Listener implements AsyncDisposable {
  readonly connection: Connection;
  text = '';
  #ended: Promise<void> = Promise.resolve();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  static async open({ port }: Running, headers: Record<string, string> = {}): Promise<Listener> {
    const connection = await Connection.open(port);
    connection.write(formatRequest({ port, path: '/v1/events', headers }));
    return new Listener(connection);
  }

  read(): this {
    this.#ended = (async () => {
      for (;;) {
        const piece = await this.connection.readSome().catch(() => undefined);
        if (piece === undefined) return;
        this.text += piece.toString('utf8');
      }
    })();
    return this;
  }

  get snapshots(): Snapshot[] {
    return [...this.text.matchAll(/^event: snapshot\ndata: (.*)\n\n/gm)].map(([, json = '']) => JSON.parse(json));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
    await this.#ended;
  }
}

const TOP = {
  limit: LIMIT.name,
  seconds: 80,
  asked: { keys: [{ key: '<b>&"', count: 9, error: 0 }], floor: 0 },
  refused: { keys: [], floor: 0 },
};

describe('events', () => {
  it('are snapshots as the OpenAPI document has them, at once and then every second', async () => {
    const clock = new VirtualClock();
    const metrics = createMetrics({ version: '1', clock });
    metrics.declare({ routes: [], limits: [LIMIT], upstreams: [] });
    await using running = await startAdmin({
      clock,
      metrics,
      limits: () => [LIMIT],
      top: () => TOP,
      store: () => ({ kind: 'single', instances: 3 }),
      lastReload: () => ({ at: 0, result: 'success', changes: ['limit a: rate 1/1m → 2/1m'] }),
    });
    await using listener = (await Listener.open(running)).read();
    await eventually('the first', () => listener.snapshots.length === 1);
    assert.match(listener.text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(listener.text, /content-type: text\/event-stream; charset=utf-8\r\n/i);
    assert.match(listener.text, /cache-control: no-store\r\n/i);
    assert.match(listener.text, /content-security-policy: default-src 'none'/i);
    assert.equal(listener.snapshots[0]?.seconds, 0);
    for (let i = 0; i < 4; i++) metrics.telemetry.decision(LIMIT.name, 'redis', i < 3 ? 'allowed' : 'denied');
    clock.advance(1_000);
    await eventually('the second', () => listener.snapshots.length === 2);
    metrics.close();
    const second = listener.snapshots[1];
    assert.equal(second?.seconds, 1);
    assert.equal(second?.decisions.allowedPerSecond, 3);
    assert.equal(second?.limits[0]?.deniedPerSecond, 1);
    assert.deepEqual(second?.limits[0]?.top?.asked, [{ key: '<b>&"', count: 9 }]);
    assert.equal(second?.store?.instances, 3);
    assert.deepEqual(second?.reload?.changes, ['limit a: rate 1/1m → 2/1m']);

    const document = (await running.call({ path: '/openapi.json' })).json() as OpenApi;
    const schema = document.paths['/v1/events']?.['get']?.responses['200']?.content?.['text/event-stream']?.schema;
    const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    assert.ok(schema !== undefined && ajv.validate(schema, second), ajv.errorsText());
  });

  it('cost nothing while nobody listens', async () => {
    const clock = new VirtualClock();
    const metrics = createMetrics({ version: '1', clock: new VirtualClock() });
    let asked = 0;
    const totals = () => {
      asked += 1;
      return metrics.totals();
    };
    await using running = await startAdmin({ clock, metrics: { ...metrics, totals } });
    clock.advance(5_000);
    assert.equal(asked, 0);
    const listener = (await Listener.open(running)).read();
    await eventually('a snapshot', () => listener.snapshots.length === 1);
    await using second = (await Listener.open(running)).read();
    await eventually('the last one again, at once', () => second.snapshots.length === 1);
    clock.advance(1_000);
    await eventually('both', () => listener.snapshots.length === 2 && second.snapshots.length === 2);
    assert.equal(asked, 2, 'made once for both');
    await listener[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    await eventually('nothing ticks any more', () => {
      const before = asked;
      clock.advance(1_000);
      return asked === before;
    });
    metrics.close();
  });

  it('have room for 32; the next is told so, and when one leaves there is room again', async () => {
    await using running = await startAdmin();
    const listeners = await Promise.all(Array.from({ length: 32 }, async () => (await Listener.open(running)).read()));
    await eventually('all there', () => listeners.every(({ snapshots }) => snapshots.length > 0));
    const refused = await running.call({ path: '/v1/events' });
    assert.equal(refused.status, 503);
    assert.equal(problemOf(refused).detail, '32 listeners are here already');
    await listeners.pop()?.[Symbol.asyncDispose]();
    await eventually('room', async () => {
      await using another = (await Listener.open(running)).read();
      await eventually('an answer', () => another.text.includes('\r\n\r\n'));
      return another.text.startsWith('HTTP/1.1 200');
    });
    for (const listener of listeners) await listener[Symbol.asyncDispose]();
  });

  it('cut off who does not read, and hold no more for them than the kernel does and one snapshot', async () => {
    const clock = new VirtualClock();
    const many = Array.from({ length: 200 }, (_, i) => ({ ...LIMIT, name: `${'n'.repeat(500)}${i}` }));
    const logged: string[] = [];
    const debug = (_fields: object, text: string): void => void logged.push(text);
    await using running = await startAdmin({ clock, limits: () => many, logger: { ...silentLogger, debug } });
    await using reader = (await Listener.open(running)).read();
    await eventually('the reader', () => reader.snapshots.length === 1);
    await using sleeper = await Listener.open(running);
    sleeper.connection.socket.pause();
    for (let ticks = 0; ticks < 200 && logged.length === 0; ticks++) {
      reader.text = '';
      clock.advance(1_000);
      await eventually('the reader gets every one', () => reader.text.endsWith('\n\n\r\n'));
    }
    assert.deepEqual(logged, ['a listener to events reads too slowly and was cut off']);
    sleeper.connection.socket.resume();
    await eventually('the connection has ended', () => sleeper.connection.ended);
    assert.ok(!reader.connection.ended, 'the reader is not');
  });

  it('end when the listener closes, and do not hold it up', async () => {
    const running = await startAdmin();
    await using listener = (await Listener.open(running)).read();
    await eventually('a snapshot', () => listener.snapshots.length > 0);
    const from = performance.now();
    await running.admin.close();
    await eventually('the stream has ended', () => listener.connection.ended);
    assert.ok(performance.now() - from < 3_000);
    assert.match(listener.text, /\r\n0\r\n\r\n$/, 'whole');
  });

  it('that cannot be made end the stream and not the gateway', async () => {
    const logged: string[] = [];
    const log = (_fields: object, text: string): void => void logged.push(text);
    await using running = await startAdmin({
      logger: { debug: log, info: log, warn: log, error: log },
      limits: () => {
        throw new Error('a defect');
      },
    });
    await using listener = (await Listener.open(running)).read();
    await eventually('it ends', () => listener.connection.ended);
    assert.deepEqual(logged, ['a snapshot for the dashboard failed']);
    assert.equal((await running.call({ path: '/healthz' })).status, 200);
  });

  it('want the token; Basic will do, for EventSource sends no field of its own', async () => {
    await using running = await startAdmin({ token: 'correct-horse-battery' });
    const status = async (authorization: string): Promise<string> => {
      await using listener = (await Listener.open(running, { authorization })).read();
      await eventually('an answer', () => listener.text.includes('\r\n\r\n'));
      return listener.text.slice(9, 12);
    };
    assert.equal(await status('Bearer correct-horse-battery'), '200');
    assert.equal(await status(`Basic ${btoa('x:correct-horse-battery')}`), '200');
    assert.equal(await status(`Basic ${btoa('x:wrong')}`), '401');
  });
});

describe('the page', () => {
  it('is made of files that hold no inline script or style, and never turn text into markup', async () => {
    await using running = await startAdmin();
    const html = (await running.call({ path: '/' })).text();
    assert.doesNotMatch(html, /<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:\/\/(?!localhost\/)/i);
    const files = [...html.matchAll(/(?:src|href)="\/page\/([\w.-]+)"/g)].map(([, file = '']) => file);
    const seen = new Set<string>();
    for (const file of files) {
      if (seen.has(file)) continue;
      seen.add(file);
      const reply = await running.call({ path: `/page/${file}` });
      assert.equal(reply.status, 200, file);
      const type = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' }[file.split('.')[1] ?? ''];
      assert.equal(reply.header('content-type'), `${type}; charset=utf-8`);
      const text = reply.text();
      assert.ok(text.split('\n').length <= 320, `${file} is short`);
      assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/, file);
      files.push(...[...text.matchAll(/from '\.\/([\w.-]+)'/g)].map(([, imported = '']) => imported));
    }
    assert.ok(seen.size > 10);
  });

  it('has no other files', async () => {
    await using running = await startAdmin();
    for (const file of ['page.ts', 'index.html', '..%2Fsnapshot.ts', '%2e%2e%2f%2e%2e%2fadmin.ts']) {
      assert.ok([400, 404].includes((await running.call({ path: `/page/${file}` })).status), file);
    }
  });
});
