import type { Reading } from '../etcd/client.ts';
import type { Change, Entry } from '../etcd/watch.ts';
import type { Leader } from '../leadership.ts';
import type { Peer } from '../peer.ts';

/** One host's hold on one slot. */
export interface Tenure extends Leader {
  readonly entry: Entry;
}

/** A host that would lead. */
export interface Candidate {
  readonly address: string;
  readonly lease: string;
}

interface Slot {
  /** Revision up to which {@link entry} is known. */
  asOf: number;
  entry: Entry | undefined;
  /** Undefined when nobody holds it, or what is there cannot be read. */
  tenure: Tenure | undefined;
  /** Highest term ever seen. */
  seen: number;
}

/**
 * Who holds which slot and who would, as told by reading and by watching, in whatever order the two arrive. Pure: knows no
 * time and asks nobody.
 *
 * The term of a slot is the revision at which its key was created, which only grows, plus `raise` of its value. That is 0
 * unless etcd has lost its data and begun to count anew: then whoever remembers a higher term raises the new one above it,
 * because other hosts refuse what comes under a lower term than they have seen.
 */
export class Standings {
  readonly #prefix: string;
  readonly #slots: readonly Slot[];
  #candidates = new Map<string, { readonly slots: number; readonly lease: string }>();
  #revision = 0;

  /** @param prefix with its slash; keys are `<prefix>leaders/<slot>` and `<prefix>candidates/<address>` */
  constructor(prefix: string, slots: number) {
    this.#prefix = prefix;
    this.#slots = Array.from({ length: slots }, () => ({ asOf: 0, entry: undefined, tenure: undefined, seen: 0 }));
  }

  /** Highest revision heard of. */
  get revision(): number {
    return this.#revision;
  }

  /** Hosts that would lead as many slots as there are here, by address; hosts configured for another number campaign for themselves. */
  get candidates(): readonly Candidate[] {
    return [...this.#candidates]
      .filter(([, { slots }]) => slots === this.#slots.length)
      .map(([address, { lease }]) => ({ address, lease }));
  }

  /** Takes over all that is there, whatever was known: the revisions may have begun anew. */
  load({ revision, entries }: Reading): void {
    this.forget();
    this.hear(entries.map((put) => ({ put })));
    this.#revision = revision;
    for (const slot of this.#slots) slot.asOf = revision;
  }

  /** Takes over what is there of leaders, where nothing newer is known. */
  refresh({ revision, entries }: Reading): void {
    for (const [index, slot] of this.#slots.entries()) {
      if (slot.asOf < revision) {
        this.#set(
          index,
          revision,
          entries.find(({ key }) => key === this.leaderKey(index)),
        );
      }
    }
    this.#revision = Math.max(this.#revision, revision);
  }

  /** Takes over what has changed. */
  hear(changes: readonly Change[]): void {
    for (const change of changes) {
      const { key, modified } = 'put' in change ? change.put : change.gone;
      const entry = 'put' in change ? change.put : undefined;
      const index = this.#slotOf(key);
      if (index !== undefined) this.#set(index, modified, entry);
      else if (key.startsWith(this.#candidateKey(''))) this.#hearOfCandidate(key, entry);
      this.#revision = Math.max(this.#revision, modified);
    }
  }

  /** Nobody is known to hold anything; terms are remembered. */
  forget(): void {
    this.#candidates = new Map();
    this.#revision = 0;
    for (const slot of this.#slots) Object.assign(slot, { asOf: 0, entry: undefined, tenure: undefined });
  }

  tenure(slot: number): Tenure | undefined {
    return this.#slots[slot]?.tenure;
  }

  tenures(): readonly Tenure[] {
    return this.#slots.flatMap(({ tenure }) => (tenure === undefined ? [] : [tenure]));
  }

  /** Slots whose key is not there. */
  free(): readonly number[] {
    return this.#slots.flatMap(({ entry }, index) => (entry === undefined ? [index] : []));
  }

  /** A term below one that was seen, which therefore counts for nobody. */
  isStale({ slot, term }: Leader): boolean {
    return term < this.seen(slot);
  }

  /** Highest term ever seen of the slot, 0 before the first. */
  seen(slot: number): number {
    return this.#slots[slot]?.seen ?? 0;
  }

  leaderKey(slot: number): string {
    return `${this.#prefix}leaders/${slot}`;
  }

  /** How this host says that it would lead. */
  candidacy({ address }: Peer): { readonly key: string; readonly value: string } {
    return { key: this.#candidateKey(address), value: JSON.stringify({ slots: this.#slots.length }) };
  }

  #candidateKey(address: string): string {
    return `${this.#prefix}candidates/${address}`;
  }

  #slotOf(key: string): number | undefined {
    const index = this.#slots.findIndex((_, slot) => this.leaderKey(slot) === key);
    return index === -1 ? undefined : index;
  }

  #set(index: number, revision: number, entry: Entry | undefined): void {
    const slot = this.#slots[index];
    if (slot === undefined || revision < slot.asOf) return;
    slot.asOf = revision;
    slot.entry = entry;
    slot.tenure = entry === undefined ? undefined : readTenure(index, entry);
    slot.seen = Math.max(slot.seen, slot.tenure?.term ?? 0);
  }

  #hearOfCandidate(key: string, entry: Entry | undefined): void {
    const address = key.slice(this.#candidateKey('').length);
    const slots = numberIn(parse(entry?.value ?? ''), 'slots');
    if (entry === undefined || slots === undefined) this.#candidates.delete(address);
    else this.#candidates.set(address, { slots, lease: entry.lease });
  }
}

/** What a host writes into a slot that it takes. */
export function tenureValue({ address, incarnation }: Peer, raise: number): string {
  return JSON.stringify({ address, incarnation, ...(raise > 0 ? { raise } : {}) });
}

function readTenure(slot: number, entry: Entry): Tenure | undefined {
  const value = parse(entry.value);
  const address = value['address'];
  const incarnation = numberIn(value, 'incarnation');
  if (typeof address !== 'string' || incarnation === undefined) return undefined;
  return { slot, address, incarnation, term: entry.created + (numberIn(value, 'raise') ?? 0), entry };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function numberIn(value: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const number = value[name];
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
