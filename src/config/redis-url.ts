import type { Reading } from './addresses.ts';
import type { Address } from './types.ts';

/** What a Redis URL says. */
export interface RedisUrl {
  readonly address: Address;
  /** rediss:// */
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** undefined: it names none, which is 0. */
  readonly database: number | undefined;
}

/** `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. Never shown, it may hold a password. */
export function readRedisUrl(text: string): Reading<RedisUrl> {
  const fault = (message: string, hint = 'redis://host:6379, rediss:// for TLS'): Reading<RedisUrl> => ({
    problem: { code: 'bad-redis-url', message, hint },
  });
  if (!/^rediss?:\/\//i.test(text)) return fault('the Redis URL does not start with redis:// or rediss://');
  const url = URL.parse(text);
  if (url === null || /\s/.test(text)) return fault('the Redis URL is not a URL');
  if (url.hostname === '') return fault('the Redis URL has no host');
  if (url.port === '0') return fault('the Redis URL has port 0');
  const database = /^\/?(\d{0,5})$/.exec(url.pathname)?.[1];
  if (database === undefined) return fault('the path of the Redis URL is not a database number');
  if (url.search !== '' || url.hash !== '') return fault('the Redis URL has a query or fragment');
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (username === undefined || password === undefined) {
    return fault('the user or password of the Redis URL has a % that starts no code', 'a literal % is written %25');
  }
  if (username !== '' && password === '') {
    return fault('the Redis URL names a user and no password', 'redis://user:password@host:6379');
  }
  return {
    value: {
      address: { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 6379 : Number(url.port) },
      tls: url.protocol === 'rediss:',
      username: username || undefined,
      password: password || undefined,
      database: database === '' ? undefined : Number(database),
    },
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
