/** Who runs against whom under which load. */
import type { Contestant } from './contestant.ts';
import { fastifyRedis } from './contestants/fastify.ts';
import { haproxyPlain, haproxyStickTable } from './contestants/haproxy.ts';
import { nginxLimitReq, nginxLuaFixed, nginxLuaSliding, nginxPlain } from './contestants/nginx.ts';
import {
  sluiceLocalFixed,
  sluiceLocalSliding,
  sluiceLocalToken,
  sluicePlain,
  sluiceRedisFixed,
  sluiceRedisSliding,
  sluiceRedisToken,
} from './contestants/sluice.ts';
import type { Load } from './wrk.ts';

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly load: Load;
  /** Requests per second that every contestant gets; 0: as many as it answers. */
  readonly rate: number;
  readonly limit: number;
  /** Share of the requests that must be refused; the benchmark says so when a contestant does otherwise. */
  readonly refused: number;
  readonly entries: readonly Entry[];
}

export interface Entry {
  readonly contestant: Contestant;
  /** The contestant of the same scenario that the ratio is against. */
  readonly against: Contestant;
}

const against = (peer: Contestant, ...contestants: readonly Contestant[]): readonly Entry[] =>
  contestants.map((contestant) => ({ contestant, against: peer }));

const local: readonly Entry[] = against(
  nginxLimitReq,
  sluiceLocalSliding,
  sluiceLocalFixed,
  sluiceLocalToken,
  nginxLimitReq,
  haproxyStickTable,
);

/** Each is held against nginx + Lua + Redis with the same kind of window; a token bucket against the sliding one. */
const redis: readonly Entry[] = [
  ...against(nginxLuaSliding, sluiceRedisSliding, sluiceRedisToken, nginxLuaSliding),
  ...against(nginxLuaFixed, sluiceRedisFixed, nginxLuaFixed, fastifyRedis),
];

const UNREACHED = 1_000_000_000;
/** Ten abusers use theirs up while the benchmark warms up; a thousand others never reach it. */
const REACHED_BY_ABUSERS = 300;

/** Well below what the slowest contestant answers on two cores, so that all do the same work in the same time. */
const EVEN_RATE = 5_000;

const SATURATED: readonly Scenario[] = [
  {
    id: 'plain',
    title: 'Plain proxying, no limit',
    load: 'many',
    rate: 0,
    limit: UNREACHED,
    refused: 0,
    entries: against(nginxPlain, sluicePlain, nginxPlain, haproxyPlain),
  },
  {
    id: 'local',
    title: 'Counted on one host, 1,000 keys, all admitted',
    load: 'many',
    rate: 0,
    limit: UNREACHED,
    refused: 0,
    entries: local,
  },
  {
    id: 'local-refused',
    title: 'Counted on one host, ten abusers send 90 % and are refused',
    load: 'abusers',
    rate: 0,
    limit: REACHED_BY_ABUSERS,
    refused: 0.9,
    entries: local,
  },
  {
    id: 'redis',
    title: 'Exact through Redis, 1,000 keys, all admitted',
    load: 'many',
    rate: 0,
    limit: UNREACHED,
    refused: 0,
    entries: redis,
  },
  {
    id: 'redis-hot',
    title: 'Exact through Redis, one hot key, all admitted',
    load: 'hot',
    rate: 0,
    limit: UNREACHED,
    refused: 0,
    entries: redis,
  },
  {
    id: 'redis-refused',
    title: 'Exact through Redis, ten abusers send 90 % and are refused',
    load: 'abusers',
    rate: 0,
    limit: REACHED_BY_ABUSERS,
    refused: 0.9,
    entries: redis,
  },
];

/** The same again with an even load. */
const EVEN: readonly Scenario[] = SATURATED.filter(({ id }) =>
  ['plain', 'local', 'redis', 'redis-refused'].includes(id),
).map((scenario) => ({
  ...scenario,
  id: `${scenario.id}-even`,
  title: `${scenario.title}; ${EVEN_RATE.toLocaleString('en')} requests/s`,
  rate: EVEN_RATE,
}));

export const SCENARIOS: readonly Scenario[] = [...SATURATED, ...EVEN];
