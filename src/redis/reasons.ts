import { reasonOf } from '../core/errors.ts';

/** Why Redis does not count for us. */
export interface Trouble {
  /** One line for an operator. Holds no password. */
  readonly text: string;
  /** The server has answered, and will answer the same until somebody changes it or the configuration. */
  readonly refused: boolean;
}

type Meaning = string | ((match: RegExpExecArray) => string);

/** What a server says whose operator, or ours, has to change something. */
const REFUSALS: readonly (readonly [pattern: RegExp, meaning: Meaning])[] = [
  [
    /^WRONGPASS|^ERR invalid password/,
    'it refuses the password or the user (WRONGPASS): see username and password under redis, or in the URL',
  ],
  [
    /^NOAUTH/,
    'it wants a password (NOAUTH): see username and password under redis, or redis://user:password@host:port',
  ],
  [
    /^NOPERM .*'([^']+)' command/,
    ([, name = '']) => `it does not let the user run ${name} (NOPERM): grant +${name}, see docs/redis.md`,
  ],
  [
    /^NOPERM .*keys?\b/i,
    'it does not let the user touch these keys (NOPERM): grant ~<redis.keyPrefix>:*, see docs/redis.md',
  ],
  [
    /executing the script can't|^ACL failure in script/,
    'it does not let the user run all commands of the scripts on its keys (NOPERM): see docs/redis.md for what to grant',
  ],
  [/^NOPERM.*/, ([whole]) => `${whole}: see docs/redis.md for what to grant`],
  [/DB index is out of range/, 'it has no such database: see the number at the end of redis.url'],
];

/** What passes by itself, or tells nothing of who is to change what. */
const MEANINGS: readonly (readonly [pattern: RegExp, meaning: Meaning])[] = [
  [/^ERR No such master/, 'it watches no primary of that name: see redis.sentinel.name'],
  [/^READONLY/, 'it is a replica, which cannot count (READONLY): redis.url must name the primary'],
  [/^OOM/, 'it is out of memory (OOM): raise its maxmemory, or set maxmemory-policy to volatile-ttl'],
  [/^LOADING/, 'it is still loading its data (LOADING)'],
  [/^CLUSTERDOWN/, 'the cluster does not serve these keys at the moment (CLUSTERDOWN)'],
  [/cluster support disabled/, 'it is no Redis Cluster: redis.url is for a single server'],
  [/^Unknown RESP type|^Protocol error/, 'what answers there is not Redis: see redis.url'],
  [
    /self-signed certificate|unable to (?:get|verify)/,
    ([whole]) => `${whole}: its certificate is not trusted, see redis.tls.ca`,
  ],
  [/^Hostname\/IP does not match/, 'its certificate is for another name: see redis.tls.servername'],
  [/wrong version number|packet length too long/, 'it does not speak TLS there: redis:// is for plain TCP'],
  [/alert.*certificate|certificate required/i, 'it wants a certificate that it trusts: see redis.tls.cert'],
  [/^Socket timeout|^Command timed out$/, 'it does not answer'],
];

/** Said of a connection that is not there, which tells nothing of why. */
const CONSEQUENCES =
  /^(?:Connection is closed\.|Stream isn't writeable|Reached the max retries|Failed to refresh slots cache|None of startup nodes|Cluster isn't ready|Cluster is ended)/;

/** The client's words, with the last sentinel's after them. */
const NO_SENTINEL = /^All sentinels are unreachable\b(?:.*?Last error: (.*))?/;

/** What an error means to whoever runs the gateway; undefined when it only says that there is no connection. */
export function troubleOf(error: unknown): Trouble | undefined {
  const reason = reasonOf(error);
  if (CONSEQUENCES.test(reason)) return undefined;
  const last = NO_SENTINEL.exec(reason);
  if (last !== null) return sentinelTrouble(last[1]);
  const refusal = meaningIn(REFUSALS, reason);
  if (refusal !== undefined) return { text: refusal, refused: true };
  return { text: meaningIn(MEANINGS, reason) ?? reason, refused: false };
}

function sentinelTrouble(last: string | undefined): Trouble {
  const trouble = last === undefined ? undefined : troubleOf(new Error(last));
  if (trouble === undefined) return { text: 'no sentinel knows the primary: see redis.sentinel', refused: false };
  const text = trouble.text
    .replace('under redis,', 'under redis.sentinel,')
    .replace(/, or (?:in the URL|redis:\/\/.*)$/, '');
  return { text: `no sentinel tells who the primary is: ${text}`, refused: trouble.refused };
}

function meaningIn(meanings: readonly (readonly [RegExp, Meaning])[], reason: string): string | undefined {
  for (const [pattern, meaning] of meanings) {
    const match = pattern.exec(reason);
    if (match !== null) return typeof meaning === 'string' ? meaning : meaning(match);
  }
  return undefined;
}
