/** Load for several gateways: most of it of one key, some of a second that is eager, the rest of many that are modest. */
import { Agent, request } from 'undici';

/** More than these running at once are not started: the machine is too slow for the rate. */
const MOST_RUNNING = 64;
const TICK_MS = 10;

export class Load implements AsyncDisposable {
  readonly #agent = new Agent({ connections: MOST_RUNNING, pipelining: 1 });
  readonly #running = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #started = 0;
  answered = 0;
  refused = 0;
  /** Answers of 5xx, and none at all. */
  failed = 0;

  constructor(urls: readonly string[], perSecond: number) {
    let owed = 0;
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      // What could not be offered in time is not made up for.
      owed = Math.min(owed + ((now - last) / 1_000) * perSecond, MOST_RUNNING);
      last = now;
      for (; owed >= 1 && this.#running.size < MOST_RUNNING; owed--) {
        const i = this.#started++;
        const running: Promise<void> = this.#ask(urls[i % urls.length] ?? '', keyOf(Math.floor(i / urls.length)));
        this.#running.add(running);
        void running.finally(() => this.#running.delete(running));
      }
    }, TICK_MS);
  }

  /** Offers no more, and waits for what runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
    await this.#agent.close();
  }

  async #ask(url: string, key: string): Promise<void> {
    try {
      const { statusCode, body } = await request(url, { dispatcher: this.#agent, headers: { 'x-api-key': key } });
      await body.dump();
      if (statusCode === 429) this.refused++;
      else if (statusCode >= 500) this.failed++;
      else this.answered++;
    } catch {
      this.failed++;
    }
  }
}

function keyOf(i: number): string {
  if (i % 4 === 0) return `key-${i % 40}`;
  return i % 4 === 1 ? 'eager' : 'busy';
}
