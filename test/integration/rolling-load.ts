/** A steady load through a balancer, every answer looked at to its last byte. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';

const PIECES = 8;
const PIECE_EVERY_MS = 40;
const STREAMED = Array.from({ length: PIECES }, (_, i) => `piece ${i}\n`).join('');
const POSTED = Buffer.from(Array.from({ length: 3_000 }, (_, i) => `line ${i}\n`).join(''));

/** What is asked for in turn, and what a whole answer looks like. Refusals have their own body. */
const UNLIMITED: readonly Kind[] = [
  { path: '/free/echo', key: 'x', answer: POSTED.toString(), body: POSTED },
  { path: '/free/stream', key: 'x', answer: STREAMED },
];
const KINDS: readonly Kind[] = [
  { path: '/exact', key: 'early', answer: 'ok' },
  { path: '/meshed', key: 'early', answer: 'ok' },
  ...UNLIMITED,
  { path: '/exact', key: 'late', answer: 'ok' },
  { path: '/meshed', key: 'late', answer: 'ok' },
  ...UNLIMITED,
];

interface Kind {
  readonly path: string;
  readonly key: string;
  readonly answer: string;
  readonly body?: Buffer;
}

interface Seen {
  readonly path: string;
  readonly key: string;
  readonly at: number;
  readonly status: number;
}

const HELD = '/free/held/';

/** The service behind the gateways. `/free/held/NAME` answers when it is let go. */
export class Service {
  readonly #held = new Map<string, () => void>();

  holds(name: string): boolean {
    return this.#held.has(name);
  }

  letGo(name: string): void {
    this.#held.get(name)?.();
    this.#held.delete(name);
  }

  readonly handle = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { url = '' } = message;
    if (url.startsWith(HELD)) {
      await new Promise<void>((resolve) => this.#held.set(url.slice(HELD.length), resolve));
      response.end('held');
      return;
    }
    switch (url) {
      case '/free/echo':
        response.end(await buffer(message));
        return;
      case '/free/stream':
        for (let i = 0; i < PIECES; i++) {
          response.write(`piece ${i}\n`);
          await sleep(PIECE_EVERY_MS);
        }
        response.end();
        return;
      default:
        response.end('ok');
    }
  };
}

export class RollingLoad {
  readonly #url: string;
  readonly #agent = new Agent({ connections: 64, pipelining: 1 });
  readonly #running = new Set<Promise<void>>();
  readonly seen: Seen[] = [];
  /** What went wrong, in words; empty when nothing did. */
  readonly failures: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #offered = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** So many requests a second from now on, however long answers take. */
  start(perSecond: number): void {
    const began = performance.now();
    this.#timer = setInterval(() => {
      const due = ((performance.now() - began) / 1_000) * perSecond;
      // After a stall the rest is made up for, but not all at once.
      for (let burst = 0; this.#offered < due && burst < 5; burst++) {
        const kind = KINDS[this.#offered++ % KINDS.length];
        if (kind === undefined) return;
        const running: Promise<void> = this.#ask(kind).finally(() => this.#running.delete(running));
        this.#running.add(running);
      }
    }, 5);
  }

  /** Offers no more, and waits for what runs. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#agent.close();
  }

  async ask(path: string, key: string): Promise<void> {
    await this.#ask({ path, key, answer: 'ok' });
  }

  /** Held by the service until it lets go; sent to the gateway of that name. */
  async hold(name: string): Promise<void> {
    await this.#ask({ path: HELD + name, key: 'x', answer: 'held' }, { 'x-server': name });
  }

  admitted(path: string, key: string): number {
    return this.seen.filter((each) => each.status === 200 && each.path === path && each.key === key).length;
  }

  /** The most that were asked for within a second. */
  peakPerSecond(path: string, key: string): number {
    const times = this.#of(path, key).map(({ at }) => at);
    let from = 0;
    let most = 0;
    for (const [i, at] of times.entries()) {
      while ((times[from] ?? at) < at - 1_000) from++;
      most = Math.max(most, i - from + 1);
    }
    return most;
  }

  #of(path: string, key: string): readonly Seen[] {
    return this.seen.filter((each) => each.path === path && each.key === key).sort((a, b) => a.at - b.at);
  }

  async #ask(kind: Kind, more: Readonly<Record<string, string>> = {}): Promise<void> {
    const { path, key, answer, body } = kind;
    const at = performance.now();
    try {
      const headers = { 'x-api-key': key, ...more };
      const options = body === undefined ? ({ method: 'GET' } as const) : ({ method: 'POST', body } as const);
      const reply = await request(this.#url + path, { dispatcher: this.#agent, headers, ...options });
      const text = await reply.body.text();
      this.seen.push({ path, key, at, status: reply.statusCode });
      if (reply.statusCode === 200 && text !== answer) this.failures.push(`${path}: not the whole answer: ${text}`);
      if (reply.statusCode !== 200 && reply.statusCode !== 429) {
        this.failures.push(`${path}: ${reply.statusCode} ${text.slice(0, 200)}`);
      }
    } catch (error) {
      this.failures.push(`${path}: ${error instanceof Error ? `${error.name} ${error.message}` : String(error)}`);
    }
  }
}
