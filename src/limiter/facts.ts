/** What a limit may look at in a request. Implemented by whoever holds the request; read lazily, so keep getters cheap. */
export interface RequestFacts {
  /** Upper case. */
  readonly method: string;
  /** Normalised path, without the query. */
  readonly path: string;
  /** Host without port, lower case; '' when the request has none. */
  readonly host: string;
  /** Name of the matched route. */
  readonly route: string;
  /** Client address after trusted proxies: IPv4 dotted, or IPv6 in canonical text; never IPv4-mapped. */
  readonly clientIp: string;
  /** First value of the field (lower-case name); undefined when absent. Several fields of a name are joined with ', '. */
  header(name: string): string | undefined;
  cookie(name: string): string | undefined;
  /** Percent-decoded value of the first such parameter. */
  query(name: string): string | undefined;
}
