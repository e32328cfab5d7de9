import type { Peer } from '../cluster/peer.ts';
import type { CountingMessage } from '../cluster/wire/counts.ts';
import { WireError } from '../core/errors.ts';
import type { ReplicatedOptions } from './replicated-strategy.ts';
import { ReplicatedStrategy } from './replicated-strategy.ts';

/** A change is told in so many intervals in a row, in case a message is lost. */
const TOLD = 2;

/**
 * Everybody tells everybody: each interval a host sends the counts that it changed itself to all others. N × (N − 1)
 * messages an interval while all have changes, none while nothing changes.
 *
 * Staleness τ: one interval and the delay of the network; after a lost message one interval more, after two of them up to
 * the exchange of whole states, every 10 s with one host. With N hosts that are offered D units a second between them,
 * no window sees more than its limit L (B + L × τ for a token bucket of burst B) and min(D × τ, (N − 1) × L) beyond it: who admits the last
 * unit knows all that is older than τ.
 */
export class MeshStrategy extends ReplicatedStrategy {
  readonly sharing = 'mesh';

  constructor(options: ReplicatedOptions) {
    super(options, 'only');
    // A count waits for half an interval on average, and is then under way.
    const { intervalMs } = options;
    this.counts.times = { horizonMs: 2 * intervalMs, unseenMs: 0.67 * intervalMs };
  }

  protected tell(): void {
    this.send(this.options.membership.peers, this.ownNews(TOLD));
  }

  protected hear(_from: Peer, message: CountingMessage): void {
    if (message.kind !== 'counts') throw new WireError('tells totals, and nobody leads here');
    this.learn(message);
  }

  protected membersChanged(): void {}
}
