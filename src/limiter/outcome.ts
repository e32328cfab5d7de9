/** A response to send instead of forwarding. */
export interface Rejection {
  /** 429 over a limit; 503 when `onFailure: deny` applies; 400 when the request's cost is not a number, or its key is missing under `whenMissing: deny`. */
  readonly status: number;
  /** `application/problem+json`, UTF-8. */
  readonly body: string;
}

/** What the limiter says about one request. */
export interface Outcome {
  /** undefined: let it pass. */
  readonly rejection: Rejection | undefined;
  /** Fields to add to the response, allowed or not: names in their usual spelling and values, flat: [name, value, name, value]. */
  readonly headers: readonly string[];
  /** Limits that refused. Empty for a malformed cost, which is the request's fault and counted nowhere. */
  readonly violated: readonly string[];
  /** Limits in shadow mode that would have refused. */
  readonly shadowViolated: readonly string[];
  /** Must be called exactly once when the exchange has ended, however it ended; ends `concurrency` holdings. undefined when nothing is held. */
  readonly release: (() => void) | undefined;
}

/** The outcome of a request to which no limit applies. */
export const UNLIMITED: Outcome = {
  rejection: undefined,
  headers: [],
  violated: [],
  shadowViolated: [],
  release: undefined,
};
