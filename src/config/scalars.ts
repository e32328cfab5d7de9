/**
 * The kinds of single values a configuration holds: what each is called, how it is read, and what to say when it cannot
 * be. A value leaves as what the rest of the process works with: milliseconds, bytes, parsed rates and addresses.
 */
import { METHODS } from 'node:http';
import ipaddr from 'ipaddr.js';
import { DURATION_HINT, formatDuration, parseDuration } from '../core/duration.ts';
import { hostPatternProblem, pathPatternProblem } from '../core/patterns.ts';
import { parseRate, RATE_HINT } from '../core/rate.ts';
import { suggest } from '../core/suggest.ts';
import type { Reading } from './addresses.ts';
import {
  readAddress,
  readCidr,
  readCollectorUrl,
  readDnsName,
  readEtcdUrl,
  readNode,
  readServer,
} from './addresses.ts';
import type { FaultCode } from './faults.ts';
import { readKeyPart } from './key-part.ts';
import { readRedisUrl } from './redis-url.ts';
import { formatSize, parseSize, SIZE_HINT } from './size.ts';

/** What the schema says about one value, beside its kind. */
export interface ScalarRule {
  /** Bounds, both included, in the value's own unit (milliseconds, bytes). */
  readonly min?: number;
  readonly max?: number;
  /** Words of an enumeration. */
  readonly words?: readonly string[];
}

/** One value as written. */
export interface Given {
  readonly value: string | number | boolean;
  /** How to show it in a message: never what an environment variable held. */
  readonly shown: string;
  /** Whether (part of) it came from the environment: then `value` is text, whatever it looks like. */
  readonly fromEnv: boolean;
}

interface Kind {
  /** With its article: `a duration`. */
  readonly noun: string;
  readonly hint?: string;
  /** Takes numbers and booleans, not only text. */
  readonly read: (given: Given, rule: ScalarRule) => Reading<unknown>;
}

const problem = (code: FaultCode, message: string, hint?: string): Reading<never> => ({
  problem: hint === undefined ? { code, message } : { code, message, hint },
});

/** A kind that is text in the file. */
function text(
  noun: string,
  hint: string | undefined,
  read: (text: string, rule: ScalarRule, shown: string) => Reading<unknown>,
): Kind {
  return {
    noun,
    ...(hint === undefined ? {} : { hint }),
    read: ({ value, shown }, rule) => {
      if (typeof value !== 'string') return wrongType(noun, value, hint ?? 'put it in quotes');
      return read(value, rule, shown);
    },
  };
}

function wrongType(noun: string, value: string | number | boolean, hint: string | undefined): Reading<never> {
  const found = typeof value === 'string' ? 'text' : typeof value === 'number' ? 'a number' : `${value}`;
  return problem('wrong-type', `expected ${noun}, found ${found}`, hint);
}

function bounded(value: number, { min, max }: ScalarRule, show: (value: number) => string): Reading<number> {
  if (min !== undefined && value < min) return problem('out-of-range', `must be at least ${show(min)}`);
  if (max !== undefined && value > max) return problem('out-of-range', `must be at most ${show(max)}`);
  return { value };
}

function number(noun: string, whole: boolean): Kind {
  return {
    noun,
    read: ({ value, shown, fromEnv }, rule) => {
      const given = fromEnv && /^-?\d+(\.\d+)?$/.test(String(value)) ? Number(value) : value;
      if (typeof given !== 'number') {
        return fromEnv
          ? problem('wrong-type', `expected ${noun}, but ${shown} holds something else`)
          : wrongType(noun, given, unquoted(given));
      }
      if (whole ? !Number.isSafeInteger(given) : !Number.isFinite(given)) {
        return problem('wrong-type', `expected ${noun}, found ${shown}`);
      }
      return bounded(given, rule, String);
    },
  };
}

const unquoted = (value: string | number | boolean): string | undefined =>
  typeof value === 'string' && /^-?\d+$/.test(value) ? 'remove the quotes' : undefined;

function choice(word: string, rule: ScalarRule, shown: string): Reading<string> {
  const words = rule.words ?? [];
  if (words.includes(word)) return { value: word };
  const near = suggest(word, words);
  const hint = near === undefined ? `one of ${words.join(', ')}` : `did you mean "${near}"?`;
  return problem('wrong-word', `${shown} is not one of the words allowed here`, hint);
}

/** YAML 1.1 read these as booleans; 1.2 does not. */
const YES_NO: Readonly<Record<string, string>> = {
  yes: 'write true',
  on: 'write true',
  no: 'write false',
  off: 'write false',
};

/** Visible ASCII, so that it can travel in a header field or stand in a key of the store. */
const VISIBLE = /^[\x21-\x7e]+$/;

/** A shorter one could be guessed from a signed message that somebody has overheard. */
const MIN_SECRET = 16;

const SCALARS = {
  integer: number('a whole number', true),
  number: number('a number', false),
  boolean: {
    noun: 'true or false',
    read: ({ value, shown, fromEnv }) => {
      if (typeof value === 'boolean') return { value };
      if (fromEnv && (value === 'true' || value === 'false')) return { value: value === 'true' };
      return problem('wrong-type', `expected true or false, found ${shown}`, YES_NO[String(value)]);
    },
  },
  word: {
    noun: 'a word',
    read: ({ value, shown }, rule) => choice(String(value), rule, shown),
  },
  duration: {
    noun: 'a duration',
    hint: DURATION_HINT,
    read: ({ value, shown }, rule) => {
      const ms = value === 0 && rule.min === 0 ? 0 : typeof value === 'string' ? parseDuration(value) : undefined;
      if (ms === undefined) return problem('bad-duration', `${shown} is not a duration`, DURATION_HINT);
      return bounded(ms, rule, formatDuration);
    },
  },
  size: {
    noun: 'a size',
    hint: SIZE_HINT,
    read: ({ value, shown }, rule) => {
      const bytes = parseSize(String(value));
      return bytes === undefined
        ? problem('bad-size', `${shown} is not a size`, SIZE_HINT)
        : bounded(bytes, rule, formatSize);
    },
  },
  rate: text('a rate', RATE_HINT, (value, _rule, shown) => {
    const rate = parseRate(value);
    if (rate !== undefined) return { value: rate };
    const zero = /^0+\//.test(value) ? 'a count of 0 would refuse everything; the smallest is 1' : RATE_HINT;
    return problem('bad-rate', `${shown} is not a rate`, zero);
  }),
  address: text('an address', '127.0.0.1:8080 for this machine only, 0.0.0.0:8080 for everybody', readAddress),
  cidr: text('an address block', '10.0.0.0/8 or 2001:db8::/32', readCidr),
  server: text('the URL of a server', 'http://host:port', readServer),
  etcdUrl: text('the URL of an etcd member', 'http://host:2379', readEtcdUrl),
  collector: text('the URL of a collector', 'http://host:4318', readCollectorUrl),
  dnsName: text('a DNS name', 'name, or name:port', readDnsName),
  redisUrl: text('the URL of a Redis server', 'redis://host:6379', readRedisUrl),
  node: text('the address of a sentinel', '10.0.0.1:26379', readNode),
  sentinelName: text('the name of a primary', undefined, (value, _rule, shown) =>
    VISIBLE.test(value) ? { value } : problem('bad-text', `${shown} cannot be the name of a primary`),
  ),
  username: text('the name of a user', undefined, (value, _rule, shown) =>
    VISIBLE.test(value) ? { value } : problem('bad-text', `${shown} cannot be the name of a user`),
  ),
  /** A secret, as {@link SCALARS.token}, but Redis takes nearly everything. */
  password: text('text', 'put it in quotes', (value) => {
    if (value !== '' && !/\p{Cc}/u.test(value)) return { value };
    return problem('bad-text', value === '' ? 'the password is empty' : 'the password has a control character');
  }),
  secret: text('text', 'put it in quotes', (value) => {
    if (value.length >= MIN_SECRET && !/\p{Cc}/u.test(value)) return { value };
    const fault =
      value.length < MIN_SECRET ? `it has fewer than ${MIN_SECRET} characters` : 'it has a control character';
    return problem('bad-text', fault, 'openssl rand -hex 32 makes one');
  }),
  file: text('the path of a file', undefined, (value, _rule, shown) =>
    value !== '' && !value.includes('\0') ? { value } : problem('bad-text', `${shown} is not the path of a file`),
  ),
  servername: text('a host name', undefined, (value, _rule, shown) =>
    /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(value) && !/^[0-9.]+$/.test(value)
      ? { value }
      : problem('bad-text', `${shown} is not a host name`, 'a name in the servers’ certificates, without port'),
  ),
  keyPart: text('a part of a key', undefined, readKeyPart),
  host: text('a host', undefined, (value, _rule, shown) => {
    const fault = hostPatternProblem(value);
    if (fault !== undefined) return problem('bad-host', `the host ${shown} ${fault.message}`, fault.hint);
    if (!value.startsWith('[')) return { value: value.toLowerCase() };
    const address = value.slice(1, -1);
    if (!ipaddr.IPv6.isValid(address)) return problem('bad-host', `${shown} is not an IPv6 address in brackets`);
    return { value: `[${ipaddr.IPv6.parse(address).toRFC5952String()}]` };
  }),
  path: text('a path', undefined, (value, _rule, shown) => {
    const fault = pathPatternProblem(value);
    return fault === undefined ? { value } : problem('bad-path', `the path ${shown} ${fault.message}`, fault.hint);
  }),
  method: text('a request method', undefined, (value, _rule, shown) => {
    const method = value.toUpperCase();
    if (METHODS.includes(method)) return { value: method };
    const near = suggest(method, METHODS);
    const hint = near === undefined ? 'GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS, …' : `did you mean "${near}"?`;
    return problem('bad-method', `${shown} is not a request method`, hint);
  }),
  cost: {
    noun: 'a cost',
    read: ({ value, shown, fromEnv }) => {
      const hint = 'a cost is a whole number from 1, or header:<name>';
      const given = fromEnv && /^\d+$/.test(String(value)) ? Number(value) : value;
      if (typeof given === 'number') {
        return Number.isSafeInteger(given) && given >= 1
          ? { value: given }
          : problem('bad-cost', `${shown} is not a cost`, hint);
      }
      const header = /^header:([!#$%&'*+.^_`|~0-9A-Za-z-]+)$/.exec(String(given))?.[1];
      return header === undefined
        ? problem('bad-cost', `${shown} is not a cost`, hint)
        : { value: { header: header.toLowerCase() } };
    },
  },
  access: {
    noun: 'off, or a number from 0 to 1',
    read: ({ value, shown, fromEnv }) => {
      const given = fromEnv && /^\d+(\.\d+)?$/.test(String(value)) ? Number(value) : value;
      if (given === 'off') return { value: 'off' };
      if (typeof given !== 'number' || Number.isNaN(given)) {
        return problem(
          'wrong-type',
          `expected off or a number from 0 to 1, found ${shown}`,
          '1 logs every request, 0.01 one in a hundred',
        );
      }
      return bounded(given, { min: 0, max: 1 }, String);
    },
  },
  /** The name of something defined elsewhere in the file; whether it exists is found out later. */
  reference: text('a name', undefined, (value) => ({ value })),
  name: text('a name', undefined, (value, _rule, shown) => readName(value, shown)),
  /** A secret: its messages say nothing about what it is. */
  token: text('text', undefined, (value) => {
    if (VISIBLE.test(value)) return { value };
    const fault = value === '' ? 'the token is empty' : 'the token has a space or a character outside ASCII';
    return problem('bad-text', fault, 'a token is visible ASCII characters');
  }),
  /** A secret perhaps: its messages say nothing about what it is. */
  fieldValue: text('text', undefined, (value) =>
    /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)
      ? { value }
      : problem('bad-text', 'the value of a header field is visible ASCII characters, with spaces between them'),
  ),
  sentence: text('text', undefined, (value, _rule, shown) =>
    value.trim() !== '' && value.length <= 200
      ? { value }
      : problem('bad-text', `${shown} is empty or long`, 'one line, at most 200 characters'),
  ),
  keyPrefix: text('text', undefined, (value, _rule, shown) =>
    /^[A-Za-z0-9:._-]{1,64}$/.test(value)
      ? { value }
      : problem('bad-text', `${shown} cannot start keys`, 'letters, digits, : . _ -, at most 64'),
  ),
  glob: text('a key, or a pattern with *', undefined, (value) =>
    value !== ''
      ? { value }
      : problem('bad-text', 'an override with an empty key matches nothing', 'a key, or a pattern with *'),
  ),
} as const satisfies Readonly<Record<string, Kind>>;

export type ScalarKind = keyof typeof SCALARS;

/** Reads one value of `kind`. A problem with a value from the environment never says what the value is. */
export function readScalar(kind: ScalarKind, given: Given, rule: ScalarRule): Reading<unknown> {
  const { noun, hint, read }: Kind = SCALARS[kind];
  const reading = read(given, rule);
  if (!('problem' in reading) || !given.fromEnv || reading.problem.code === 'out-of-range') return reading;
  return problem(reading.problem.code, `${given.shown} does not hold ${noun}`, hint);
}

/** The kind's noun, for messages about something that is no single value at all. */
export function nounOf(kind: ScalarKind): string {
  return SCALARS[kind].noun;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Names travel in header fields, metrics, keys and URLs, so their characters are few. */
export function readName(value: string, shown: string): Reading<string> {
  return NAME.test(value)
    ? { value }
    : problem(
        'bad-name',
        `${shown} cannot be a name`,
        'letters, digits, . _ -, starting with a letter or digit, at most 64',
      );
}
