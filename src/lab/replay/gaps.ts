/** What a log does not hold of requests, and which limits cannot be judged for it. */
import type { RequestFacts } from '../../limiter/facts.ts';
import type { LogEntry } from './log-entry.ts';
import { knowsHeader } from './log-entry.ts';

/** One alternative of a key part, as the configuration has it. */
interface Source {
  readonly kind: string;
  readonly name?: string;
}

/** The part of a limit that decides what it looks at. */
export interface Looking {
  readonly name: string;
  readonly key: readonly (readonly Source[])[];
  readonly cost: number | { readonly header: string };
  readonly algorithm: string;
}

export interface GapReport {
  readonly limit: string;
  /** Requests that it was left out of, for nobody knows their key, or how long they took. */
  readonly unjudged: number;
  /** Requests counted by a later alternative of the key: the first may have been there. */
  readonly byAlternative: number;
  /** Requests counted with cost 1. */
  readonly costUnknown: number;
  /** What the log does not hold: `header x-api-key`. */
  readonly missing: readonly string[];
}

/** Watches one limit. */
export class Gaps {
  readonly #limit: Looking;
  readonly #hostKnown: boolean;
  readonly #needs: boolean;
  readonly #missing = new Set<string>();
  #unjudged = 0;
  #byAlternative = 0;
  #costUnknown = 0;

  /** @param hostKnown the host of all requests is given */
  constructor(limit: Looking, hostKnown: boolean) {
    this.#limit = limit;
    const kinds = limit.key.flat().map((source) => source.kind);
    const canLack = (kind: string): boolean =>
      kind === 'header' || kind === 'cookie' || kind === 'query' || (kind === 'host' && !hostKnown);
    this.#needs = kinds.some(canLack) || typeof limit.cost !== 'number' || limit.algorithm === 'concurrency';
    this.#hostKnown = hostKnown;
  }

  /** Whether the limit can say nothing about the request; counts it. */
  see(entry: LogEntry, facts: RequestFacts): boolean {
    if (!this.#needs) return false;
    let byAlternative = false;
    for (const part of this.#limit.key) {
      let unknown = false;
      const present = part.some((source) => {
        const missing = this.#missingOf(source, entry);
        if (missing === undefined) return isPresent(source, facts);
        unknown = true;
        this.#missing.add(missing);
        return false;
      });
      if (unknown && !present) {
        this.#unjudged += 1;
        return true;
      }
      byAlternative ||= unknown;
    }
    if (byAlternative) this.#byAlternative += 1;
    if (this.#limit.algorithm === 'concurrency' && entry.durationMs === undefined) {
      this.#missing.add('how long requests took');
      this.#unjudged += 1;
      return true;
    }
    const { cost } = this.#limit;
    if (typeof cost !== 'number' && !knowsHeader(entry, cost.header)) {
      this.#missing.add(`header ${cost.header}`);
      this.#costUnknown += 1;
    }
    return false;
  }

  /** undefined: nothing was missing. */
  report(): GapReport | undefined {
    if (this.#missing.size === 0) return undefined;
    return {
      limit: this.#limit.name,
      unjudged: this.#unjudged,
      byAlternative: this.#byAlternative,
      costUnknown: this.#costUnknown,
      missing: [...this.#missing].sort(),
    };
  }

  /** In words, what the log does not tell; undefined when it tells. */
  #missingOf({ kind, name = '' }: Source, entry: LogEntry): string | undefined {
    switch (kind) {
      case 'header':
        return knowsHeader(entry, name) ? undefined : `header ${name}`;
      case 'cookie':
        return knowsHeader(entry, 'cookie') ? undefined : `cookie ${name}`;
      case 'query':
        return entry.hasQuery ? undefined : `query ${name}`;
      case 'host':
        return entry.host !== undefined || this.#hostKnown ? undefined : 'host';
      default:
        return undefined;
    }
  }
}

function isPresent({ kind, name = '' }: Source, facts: RequestFacts): boolean {
  switch (kind) {
    case 'header':
      return (facts.header(name) ?? '') !== '';
    case 'cookie':
      return (facts.cookie(name) ?? '') !== '';
    case 'query':
      return (facts.query(name) ?? '') !== '';
    case 'host':
      return facts.host !== '';
    default:
      return true;
  }
}
