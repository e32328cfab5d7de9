import type { Writer } from '../wire/writer.ts';
import type { Claim } from './claim.ts';
import { writeClaim } from './messages.ts';

/** Each piece of news is sent this many times, for each tenfold number of hosts. */
const RETRANSMIT = 4;

/**
 * News of hosts that is passed on with whatever is sent anyway, each piece λ⌈log₁₀(N + 1)⌉ times by each host that learns of it,
 * λ = 4: enough for an epidemic to reach everybody nearly surely (Das, Gupta, Motivala, DSN 2002, section 4.1). What was
 * sent least often goes first. A message takes as much of it as it has room for.
 */
export class News {
  /** Addresses by how often their news has been sent. */
  readonly #levels: Set<string>[] = [];
  readonly #levelOf = new Map<string, number>();

  get size(): number {
    return this.#levelOf.size;
  }

  /** Something new is known of this host. */
  add(address: string): void {
    this.#put(address, 0);
  }

  /**
   * Writes as many claims as fit.
   * @param describe what is known now; undefined: no longer worth telling
   */
  fill(writer: Writer, hosts: number, describe: (address: string) => Claim | undefined): void {
    const limit = RETRANSMIT * Math.ceil(Math.log10(hosts + 1));
    const sent: string[] = [];
    for (const address of this.#inOrder()) {
      const claim = describe(address);
      if (claim !== undefined && !writeClaim(writer, claim)) break;
      sent.push(address);
      if (claim === undefined) this.#drop(address);
    }
    for (const address of sent) {
      const level = this.#levelOf.get(address);
      if (level === undefined) continue;
      if (level + 1 < limit) this.#put(address, level + 1);
      else this.#drop(address);
    }
  }

  *#inOrder(): Iterable<string> {
    for (const level of this.#levels) yield* level;
  }

  #put(address: string, level: number): void {
    this.#drop(address);
    this.#levelOf.set(address, level);
    for (let i = this.#levels.length; i <= level; i++) this.#levels.push(new Set());
    this.#levels[level]?.add(address);
  }

  #drop(address: string): void {
    const level = this.#levelOf.get(address);
    if (level === undefined) return;
    this.#levelOf.delete(address);
    this.#levels[level]?.delete(address);
  }
}
