import { lookup, V4MAPPED } from 'node:dns';
import { isIP } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { parseHostPort } from './host-port.ts';

const REFRESH_MS = 30_000;
const RETRY_MS = 1_000;
const MAX_ENTRIES = 16_384;
const MAX_WAITING = 16;

interface Entry {
  readonly host: string;
  readonly port: number;
  ip: string | undefined;
  /** When to look again, monotonic milliseconds. */
  dueAt: number;
  isLooking: boolean;
  waiting: ((ip: string, port: number) => void)[];
}

/**
 * From `host:port` to an address that a datagram can go to. Names are looked up when first needed, and again every 30 s
 * without waiting for it; an address that is known stays in use while its name cannot be looked up.
 */
export class AddressBook {
  readonly #clock: Clock;
  readonly #family: 4 | 6;
  readonly #entries = new Map<string, Entry>();

  /** @param family of the socket; one of family 6 reaches IPv4 hosts by mapped addresses */
  constructor(clock: Clock, family: 4 | 6) {
    this.#clock = clock;
    this.#family = family;
  }

  /** Calls `then` with the address: at once when it is known, later when its name must be looked up, never when it has none. */
  find(to: string, then: (ip: string, port: number) => void): void {
    const entry = this.#entries.get(to) ?? this.#add(to);
    if (entry === undefined) return;
    if (entry.ip !== undefined) then(entry.ip, entry.port);
    if (this.#clock.monotonic() >= entry.dueAt && !entry.isLooking) this.#look(entry);
    if (entry.ip === undefined && entry.isLooking && entry.waiting.length < MAX_WAITING) entry.waiting.push(then);
  }

  #add(to: string): Entry | undefined {
    const address = parseHostPort(to);
    if (address === undefined) return undefined;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.#entries.size >= MAX_ENTRIES) this.#entries.delete(oldest);
    const entry: Entry = {
      ...address,
      ip: this.#literal(address.host),
      dueAt: isIP(address.host) === 0 ? 0 : Number.POSITIVE_INFINITY,
      isLooking: false,
      waiting: [],
    };
    this.#entries.set(to, entry);
    return entry;
  }

  #literal(host: string): string | undefined {
    const family = isIP(host);
    if (family === this.#family) return host;
    return family === 4 ? `::ffff:${host}` : undefined;
  }

  #look(entry: Entry): void {
    entry.isLooking = true;
    const hints = this.#family === 6 ? V4MAPPED : 0;
    lookup(entry.host, { family: this.#family, hints }, (error, ip) => {
      entry.isLooking = false;
      entry.dueAt = this.#clock.monotonic() + (error === null ? REFRESH_MS : RETRY_MS);
      const waiting = entry.waiting;
      entry.waiting = [];
      if (error !== null) return;
      entry.ip = ip;
      for (const then of waiting) then(ip, entry.port);
    });
  }
}
