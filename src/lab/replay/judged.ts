/** What a configuration makes of one request of a log. */
export interface Judged {
  /** undefined: no route matches, or the gateway cannot read the request. */
  readonly route: string | undefined;
  /** After trusted proxies; undefined without a route. */
  readonly client: string | undefined;
  /** How it would have been answered instead of forwarded. */
  readonly status: number | undefined;
  /** Limits that refused it. */
  readonly refusedBy: readonly string[];
  /** Limits in shadow mode that would have. */
  readonly shadowBy: readonly string[];
  /** Limits that were asked, and the key of each. */
  readonly asked: readonly Asked[];
}

export interface Asked {
  readonly limit: string;
  readonly key: string;
  /** It had no room, whatever the others said. */
  readonly refused: boolean;
}
