import type { FailurePolicy, Mode, SharingName } from '../core/types.ts';

/** What one limit makes of one request; nothing was counted to find out. */
export interface LimitExplanation {
  readonly limit: string;
  /** False when the limit leaves this request alone; `why` says why. */
  readonly applies: boolean;
  readonly why: string | undefined;
  /** The key as an operator writes it in `/v1/limits/{limit}/keys/{key}`; undefined when missing. */
  readonly key: string | undefined;
  readonly cost: number;
  /** Pattern of the override in force. */
  readonly override: string | undefined;
  /** In words, one for each counter: `100/1m sliding-window, 2 buckets`. */
  readonly policies: readonly string[];
  readonly sharing: SharingName;
  readonly mode: Mode;
  readonly onFailure: FailurePolicy;
  /** Identities of the counters in the store, without the store's own prefix. */
  readonly counters: readonly string[];
}

/** Route, upstream, client and limits of one request. */
export interface Explanation {
  readonly method: string;
  readonly host: string;
  /** Normalised. */
  readonly path: string;
  readonly clientIp: string;
  /** undefined: no route matches (404). */
  readonly route: string | undefined;
  readonly upstream: string | undefined;
  readonly limits: readonly LimitExplanation[];
}
