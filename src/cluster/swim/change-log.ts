import type { Logger } from '../../core/logger.ts';
import type { MemberState } from '../membership.ts';
import type { MemberRecord } from './member-record.ts';

/** More hosts are not named in one line. */
const NAMED = 8;

/** Who has come and gone, for the log: one line a second at most, however many there are. */
export class ChangeLog {
  readonly #logger: Logger;
  /** What each was before the first change since the last line. */
  readonly #before = new Map<MemberRecord, MemberState | undefined>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  note(record: MemberRecord, before: MemberState | undefined): void {
    if (!this.#before.has(record)) this.#before.set(record, before);
  }

  flush(): void {
    if (this.#before.size === 0) return;
    const by: Partial<Record<MemberState, string[]>> = {};
    let doubted = 0;
    for (const [{ address, state }, before] of this.#before) {
      // A suspicion that came to nothing, or has not come to anything yet, is nothing to be told of.
      if (state === before || state === 'suspect' || (state === 'alive' && before === 'suspect')) doubted++;
      else {
        by[state] ??= [];
        by[state].push(address);
      }
    }
    const changes = this.#before.size - doubted;
    this.#before.clear();
    if (changes === 0) {
      this.#logger.debug({ hosts: doubted }, 'peers: hosts are or were suspected');
      return;
    }
    const named = Object.entries(by).map(([state, hosts]) => [state, name(hosts)]);
    const message = 'peers: hosts have come or gone';
    if (by.dead === undefined) this.#logger.info(Object.fromEntries(named), message);
    else this.#logger.warn(Object.fromEntries(named), 'peers: hosts have fallen silent');
  }
}

function name(hosts: readonly string[]): string {
  const more = hosts.length - NAMED;
  return hosts.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
