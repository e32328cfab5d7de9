/** Every kind of fault a configuration can have, by stable code. Each has a fixture in config/invalid/ or a test of its own. */
export const FAULT_CATALOGUE = {
  // Reading the file
  unreadable: 'the file cannot be read',
  'too-large': 'the file is larger than a configuration may be',
  'not-utf8': 'the file is not UTF-8 text',
  empty: 'the file holds nothing',
  syntax: 'the text is not YAML',
  tab: 'a tab indents a line',
  'too-deep': 'values are nested too deeply',
  'several-documents': 'the file holds more than one YAML document',
  'duplicate-key': 'a key is written twice in one map',
  'bad-key': 'a key is not plain text',
  'bad-alias': 'a * names an anchor that does not exist',
  'alias-loop': 'an anchor holds itself',
  'alias-bomb': 'aliases expand to too much',
  'bad-merge': '<< merges something that is not a map',
  'unknown-tag': 'a YAML tag has no meaning here',
  'env-unset': 'an environment variable is not set',
  'env-syntax': 'a reference is not to a variable',
  // Shape
  'unknown-key': 'a key that Sluice does not know',
  'missing-key': 'a required key is missing',
  'wrong-type': 'a value of the wrong type',
  'wrong-word': 'a word that is not one of the allowed ones',
  'out-of-range': 'a number is too small or too large',
  'empty-list': 'a list or map has no entry',
  'duplicate-entry': 'a list holds the same entry twice',
  'bad-name': 'a name has characters that names cannot have',
  'bad-duration': 'not a duration',
  'bad-rate': 'not a rate',
  'bad-size': 'not a size',
  'bad-address': 'not an address to listen on',
  'bad-cidr': 'not an address block',
  'bad-host': 'not a host pattern',
  'bad-path': 'not a path pattern',
  'bad-method': 'not a request method',
  'bad-key-part': 'not a part of a key',
  'bad-server': 'not the origin of a server',
  'bad-redis-url': 'not the URL of a Redis server',
  'bad-etcd-url': 'not the URL of a member of an etcd cluster',
  'bad-collector': 'not the URL of a collector of traces',
  'bad-dns-name': 'not a DNS name',
  'bad-node': 'not the address of a sentinel',
  'bad-cost': 'not a cost',
  'bad-text': 'text is empty or has characters it cannot have',
  // Meaning
  'unknown-upstream': 'a route names an upstream that does not exist',
  'unknown-limit': 'a route names a limit that does not exist',
  'unused-upstream': 'nothing can reach an upstream',
  'unused-limit': 'nothing can reach a limit',
  'duplicate-route': 'two routes have one name',
  'shadowed-route': 'nothing can reach a route: earlier ones match first',
  'upstream-loop': 'an upstream is this gateway itself',
  'same-port': 'both listeners want one port',
  'open-admin': 'the admin listener is reachable from outside and asks for no token',
  'no-redis': 'a limit is shared through Redis, and no Redis is configured',
  'redis-servers': 'not exactly one of url, cluster and sentinel',
  'redis-cluster': 'the URLs of a cluster do not go together, or name a database',
  'redis-credentials': 'a Redis user without password, or credentials in two places',
  'redis-tls': 'TLS settings that do not go together, or with the URL',
  'no-peers': 'a limit is shared between hosts, and nothing says how they talk to each other',
  'no-etcd': 'leaders or a registry in etcd, and no etcd is configured',
  'peers-discovery': 'not exactly one of file, registry and dns',
  'open-peers': 'other machines can talk to this host, and no secret keeps strangers out',
  'bad-advertise': 'an address at which no other host can reach this one',
  'slow-interval': 'a window that is over before its counts have been told',
  'concurrency-sharing': 'requests in flight shared between hosts without Redis',
  'etcd-tls': 'TLS settings of etcd that do not go together, or with the endpoints',
  'etcd-credentials': 'an etcd user without password, or a password without user',
  'tracing-header': 'a header field that is the exporter’s own',
  'bad-file': 'a file that the configuration names cannot be read or holds something else',
  'missing-rate': 'a limit has no rate',
  'missing-max': 'a concurrency limit has no max',
  'other-algorithm': 'a setting belongs to another algorithm',
  'same-window': 'two rates have one window',
  'idle-rate': 'a rate that can never refuse anything, because another one is stricter',
  'idle-lease': 'lease: auto on a limit that is not shared through Redis',
  'burst-with-rates': 'a burst beside several rates',
  'cost-too-high': 'one request costs more than the limit ever has: nothing is ever admitted',
  'concurrency-cost': 'a concurrency limit with a cost other than 1',
  'short-window': 'a window too short to be cut into its buckets',
  'beyond-exact': 'numbers too large to count with exactly',
  'global-joined': 'the key global joined with other parts',
  'duplicate-part': 'one part twice in a key',
  'idle-alternative': 'an alternative behind one that is always present',
  'never-missing': 'whenMissing: deny with a key that is never missing',
  'empty-override': 'an override that changes nothing',
  'unlimited-numbers': 'an override that is unlimited and has numbers',
  'hidden-override': 'an override behind one that matches the same keys first',
  'never-refuses': 'a limit whose own numbers no key ever meets',
} as const;

export type FaultCode = keyof typeof FAULT_CATALOGUE;

/** One mistake in a configuration. */
export interface Fault {
  readonly code: FaultCode;
  readonly file: string;
  /** From 1; 0 when the fault is the whole file's (it cannot be read). */
  readonly line: number;
  /** From 1, in UTF-16 units; 0 with line 0. */
  readonly column: number;
  /** One line, without the position; never holds a secret. */
  readonly message: string;
  /** What to write instead. */
  readonly hint: string | undefined;
  /** The setting at fault: keys from the top, joined by `/`. */
  readonly path: string;
}

/** `file:line:column: message (hint)` */
export function formatFault(fault: Fault): string {
  const place = fault.line === 0 ? fault.file : `${fault.file}:${fault.line}:${fault.column}`;
  return `${place}: ${fault.message}${fault.hint === undefined ? '' : ` (${fault.hint})`}`;
}

/** What a check found, before it has a position. */
export interface Problem {
  readonly code: FaultCode;
  readonly message: string;
  readonly hint?: string;
}

/** Keeps a message on one line and out of the terminal's control, whatever piece of the file it quotes. */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** Gathers the faults of one text and turns offsets into lines and columns. */
export class FaultList {
  readonly #file: string;
  readonly #length: number;
  readonly #lineStarts: number[] = [0];
  readonly #faults = new Map<string, { readonly offset: number; readonly fault: Fault }>();

  constructor(file: string, text: string) {
    this.#file = file;
    this.#length = text.length;
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) this.#lineStarts.push(i + 1);
  }

  get empty(): boolean {
    return this.#faults.size === 0;
  }

  /** Adds a fault at `offset`; the same fault at the same place (seen through several aliases) counts once. */
  add(offset: number, path: string, problem: Problem): void {
    const at = Math.min(Math.max(0, offset), this.#length);
    const id = `${at} ${problem.code} ${problem.message}`;
    if (this.#faults.has(id)) return;
    const { line, column } = this.position(at);
    const { code } = problem;
    const message = printable(problem.message);
    const hint = problem.hint === undefined ? undefined : printable(problem.hint);
    this.#faults.set(id, { offset: at, fault: { code, file: this.#file, line, column, message, hint, path } });
  }

  position(offset: number): { readonly line: number; readonly column: number } {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }

  /** All of them, in the order of the file. */
  sorted(): Fault[] {
    return [...this.#faults.values()].sort((a, b) => a.offset - b.offset).map((entry) => entry.fault);
  }
}
