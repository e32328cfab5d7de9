import type { Check, CounterView, GroupVerdict, Strategy } from '../../sharing/strategy.ts';
import type { Asked } from './judged.ts';

/** Passes everything on, and remembers which limits were asked for which keys since {@link take}. */
export class WatchedStrategy implements Strategy {
  readonly sharing: Strategy['sharing'];
  readonly #inner: Strategy;
  #asked: Asked[] = [];

  constructor(inner: Strategy) {
    this.sharing = inner.sharing;
    this.#inner = inner;
  }

  take(): readonly Asked[] {
    const asked = this.#asked;
    this.#asked = [];
    return asked;
  }

  start(): Promise<void> {
    return this.#inner.start();
  }
  close(): Promise<void> {
    return this.#inner.close();
  }

  check(group: readonly Check[]): GroupVerdict | Promise<GroupVerdict> {
    const answer = this.#inner.check(group);
    if (answer instanceof Promise) return answer.then((verdict) => this.#note(group, verdict));
    return this.#note(group, answer);
  }

  refund(group: readonly Check[], verdict: GroupVerdict): void {
    this.#inner.refund(group, verdict);
  }
  release(check: Check): void {
    this.#inner.release(check);
  }
  peek(check: Check): Promise<CounterView> {
    return this.#inner.peek(check);
  }
  reset(check: Check): Promise<boolean> {
    return this.#inner.reset(check);
  }

  /** Rates of one limit stand together: one of them that refuses is the limit that refuses. */
  #note(group: readonly Check[], verdict: GroupVerdict): GroupVerdict {
    group.forEach(({ limit, counter }, i) => {
      const refused = verdict.verdicts[i]?.allowed === false;
      const last = this.#asked.at(-1);
      if (last?.limit === limit) {
        if (refused && !last.refused) this.#asked[this.#asked.length - 1] = { ...last, refused };
      } else this.#asked.push({ limit, key: keyIn(counter), refused });
    });
    return verdict;
  }
}

/** A counter is `LIMIT:STRUCTURE:KEY`, and only the key may hold a colon. */
function keyIn(counter: string): string {
  return counter.slice(counter.indexOf(':', counter.indexOf(':') + 1) + 1);
}
