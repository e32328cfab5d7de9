import { reasonOf } from '../core/errors.ts';

/** What Redis or its client say, and what it means to whoever runs the gateway. */
const MEANINGS: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/^WRONGPASS|^ERR invalid password/, 'it refuses the password or the user (WRONGPASS): see redis.url'],
  [/^NOAUTH/, 'it wants a password (NOAUTH): redis.url is redis://user:password@host:port'],
  [/^READONLY/, 'it is a replica, which cannot count (READONLY): redis.url must name the primary'],
  [/^OOM/, 'it is out of memory (OOM): raise its maxmemory, or set maxmemory-policy to volatile-ttl'],
  [/^LOADING/, 'it is still loading its data (LOADING)'],
  [/DB index is out of range/, 'it has no such database: see the number at the end of redis.url'],
  [/^Unknown RESP type|^Protocol error/, 'what answers there is not Redis: see redis.url'],
  [/^Socket timeout|^Command timed out$/, 'it does not answer'],
];

/** Said of a connection that is not there, which tells nothing of why. */
const CONSEQUENCES = /^(?:Connection is closed\.|Stream isn't writeable|Reached the max retries)/;

/** One line for an operator; undefined when the error only says that there is no connection. Holds no password. */
export function meaningOf(error: unknown): string | undefined {
  const reason = reasonOf(error);
  if (CONSEQUENCES.test(reason)) return undefined;
  return MEANINGS.find(([pattern]) => pattern.test(reason))?.[1] ?? reason;
}
