/**
 * The response fields that tell a client where it stands: draft-ietf-httpapi-ratelimit-headers-11, written as RFC 9651
 * structured fields. The only file that knows the draft; its parameters may still be renamed.
 *
 *     RateLimit-Policy: "per-client";q=100;w=60
 *     RateLimit: "per-client";r=37;t=60
 *
 * - Both are Lists of Strings. A limit with one rate goes by its name; with several, each rate is `name/window`
 *   (`"per-client/1s"`), which no limit can be called.
 * - `w` is whole seconds, not zero (3.1.3): a window that is not is rounded up, so that a client that goes by it stays below
 *   the true rate. A `concurrency` policy has no window, but the registered quota unit `concurrent-requests`.
 * - `t` counts down to the full quota while the policy has room, and to the moment to come again when it refuses, which is
 *   never later than Retry-After. A `concurrency` policy with room has none.
 */
import type { Policy } from '../algorithms/algorithm.ts';
import type { HeaderStyle } from '../config/types.ts';
import { formatDuration } from '../core/duration.ts';
import { escapeValue } from './key-text.ts';

/** Largest Integer of RFC 9651 (3.3.1). */
const MAX_INTEGER = 999_999_999_999_999;

/** One rate of one limit as the fields name it; made once from the configuration. */
export interface PolicyItem {
  /** As in `violated-policies`. */
  readonly name: string;
  /** `"per-client";q=100;w=60` */
  readonly policy: string;
  /** `"per-client";r=` */
  readonly standing: string;
  readonly quota: number;
  /** False for `concurrency`: nobody knows when a request in flight ends. */
  readonly timed: boolean;
}

/** @param several the limit has several rates, so that each needs a name of its own */
export function policyItem(limit: string, policy: Policy, several: boolean): PolicyItem {
  const windowed = policy.algorithm !== 'concurrency';
  const name = several && windowed ? `${limit}/${formatDuration(policy.windowMs)}` : limit;
  const quoted = sfString(name);
  const span = windowed ? `;w=${Math.ceil(policy.windowMs / 1_000)}` : ';qu="concurrent-requests"';
  return {
    name,
    policy: `${quoted};q=${sfInteger(policy.limit)}${span}`,
    standing: `${quoted};r=`,
    quota: policy.limit,
    timed: windowed,
  };
}

function sfString(text: string): string {
  const ascii = /[^ -~]/.test(text) ? escapeValue(text) : text;
  return `"${ascii.replace(/["\\]/g, '\\$&')}"`;
}

function sfInteger(value: number): number {
  return value >= MAX_INTEGER ? MAX_INTEGER : Math.max(0, Math.floor(value));
}

/** Whole seconds, rounded up; a client that waits so long waits long enough. */
export function wholeSeconds(ms: number): number {
  return ms > 0 ? Math.min(Math.ceil(ms / 1_000), MAX_INTEGER) : 0;
}

/** Gathers the fields of one response. */
export class RateLimitFields {
  readonly #style: HeaderStyle;
  #policies = '';
  #standings = '';
  // The most binding policy, for the legacy fields: the smallest share left, refusing ones before all others.
  #share = Number.POSITIVE_INFINITY;
  #quota = 0;
  #remaining = 0;
  #seconds = 0;

  constructor(style: HeaderStyle) {
    this.#style = style;
  }

  /** A policy that applies; `policies` is one or more of {@link PolicyItem.policy}, joined with `, `. */
  policy(policies: string): void {
    this.#policies = this.#policies === '' ? policies : `${this.#policies}, ${policies}`;
  }

  /**
   * Where the client stands under one policy.
   * @param seconds until the quota is full again, or until it may come again when `refuses`
   */
  standing(item: PolicyItem, remaining: number, seconds: number, refuses: boolean): void {
    const left = `${item.standing}${sfInteger(remaining)}`;
    const text = refuses || item.timed ? `${left};t=${seconds}` : left;
    this.#standings = this.#standings === '' ? text : `${this.#standings}, ${text}`;
    if (this.#style === 'draft') return;
    // Among refusing policies the one that refuses longest binds most.
    const share = refuses ? -1 - seconds : remaining / item.quota;
    if (share >= this.#share) return;
    this.#share = share;
    this.#quota = item.quota;
    this.#remaining = remaining;
    this.#seconds = seconds;
  }

  /** Names and values, flat. `retryAfter`: whole seconds, when the request is refused for now. */
  list(retryAfter: number | undefined): string[] {
    const out: string[] = [];
    const style = this.#style;
    if (style === 'draft' || style === 'both') {
      if (this.#policies !== '') out.push('RateLimit-Policy', this.#policies);
      if (this.#standings !== '') out.push('RateLimit', this.#standings);
    }
    if ((style === 'legacy' || style === 'both') && this.#share !== Number.POSITIVE_INFINITY) {
      out.push('X-RateLimit-Limit', String(this.#quota));
      out.push('X-RateLimit-Remaining', String(sfInteger(this.#remaining)));
      out.push('X-RateLimit-Reset', String(this.#seconds));
    }
    if (retryAfter !== undefined) out.push('Retry-After', String(retryAfter));
    return out;
  }
}
