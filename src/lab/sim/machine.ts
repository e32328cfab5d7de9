import type { Receiver } from '../../cluster/channel.ts';
import type { Peer } from '../../cluster/peer.ts';
import type { HostClock } from './host-clock.ts';

/** One life of a gateway: from its start to its end. */
export class Process {
  readonly host: number;
  readonly self: Peer;
  readonly clock: HostClock;
  /** By number of the subject. */
  readonly receivers: (Receiver | undefined)[] = [];
  /** Told of each message that is not membership's own. */
  heard: ((from: Peer) => void) | undefined;
  /** Bytes that wait in the socket while the process is paused. */
  waitingBytes = 0;

  constructor(host: number, self: Peer, clock: HostClock) {
    this.host = host;
    this.self = self;
    this.clock = clock;
  }
}

/** A machine, on which a gateway runs or not. */
export class Machine {
  readonly index: number;
  readonly address: string;
  /** Off: nobody says that nobody listens. */
  on = true;
  process: Process | undefined;

  constructor(index: number) {
    this.index = index;
    this.address = addressOf(index);
  }
}

/** `10.x.y.z:7946` */
export function addressOf(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}:7946`;
}

/**
 * Bytes that the envelope adds to each message: magic and version, kind, subject, address and its length, incarnation (6
 * bytes until the year 2109), sequence number (3), wall time (6), tag.
 */
export function overheadOf({ address }: Peer): number {
  return 4 + address.length + 6 + 3 + 6 + 16;
}
