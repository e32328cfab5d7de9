/** One request as an access log tells of it. */
export interface LogEntry {
  /** Unix milliseconds: when it began, or when it was logged where nothing tells how long it took. */
  readonly atMs: number;
  /** The log says whole seconds only. */
  readonly wholeSecond: boolean;
  /** undefined: the log does not say. */
  readonly durationMs: number | undefined;
  /** Who was connected: an address in canonical spelling. */
  readonly client: string;
  readonly method: string;
  /** As sent: path and query. */
  readonly target: string;
  /** undefined: the log does not say. */
  readonly host: string | undefined;
  readonly status: number | undefined;
  /** Header fields that the log holds, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Header fields that the log would hold if the request had had them; `all`: all but those of `masked`. */
  readonly known: 'all' | ReadonlySet<string>;
  /** Header fields whose value the log hides. */
  readonly masked: ReadonlySet<string>;
  /** False where the log cuts the query off. */
  readonly hasQuery: boolean;
}

/** What became of a line: a request, a reason why it cannot be read as one, or `other`: it is no access line. */
export type ReadLine = { readonly entry: LogEntry } | { readonly fault: string } | 'other';

/** Whether the log tells if the request had this header field, and its value. */
export function knowsHeader({ known, masked }: LogEntry, name: string): boolean {
  return (known === 'all' || known.has(name)) && !masked.has(name);
}

export const NO_NAMES: ReadonlySet<string> = new Set();
