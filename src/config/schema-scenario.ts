/** A scenario of the lab: what is offered to how many hosts over which network, and what goes wrong. */
import type { Static } from 'typebox';
import type { Rate } from '../core/types.ts';
import { decimal, duration, integer, list, optional, struct, text, word } from './fields.ts';

const StepSchema = struct(
  {
    at: duration({ min: 0 }, { description: 'From when on, since requests began.', default: 0 }),
    offered: decimal(
      { min: 0, max: 1_000 },
      { description: 'How much is asked for, in times of the limit.', examples: [0.95, 2] },
    ),
  },
  { description: 'From a time on, so much is offered.' },
);

const LoadSchema = struct(
  {
    arrivals: word(['poisson', 'regular', 'bursts'], {
      description:
        'poisson: independent of each other; regular: evenly; bursts: all of a window at its edge, half before it and half after.',
      default: 'poisson',
    }),
    steps: list(StepSchema, { description: 'How much is offered, and from when on.' }, { minItems: 1, unique: false }),
    spread: duration({ min: 1 }, { description: 'bursts: how far from the edge they lie at most.', default: '10ms' }),
    hosts: word(['even', 'skewed', 'one', 'roaming'], {
      description:
        'even: any host; skewed: 70 % to three of ten; one: all to one host; roaming: all to one, and to another every 100 ms.',
      default: 'even',
    }),
    keys: integer({ min: 1, max: 100_000 }, { description: 'Keys that are asked for.', default: 1 }),
    zipf: optional(
      decimal(
        { min: 0, max: 5 },
        { description: 'The k-th key is asked for in proportion to 1 / k^zipf. Left out: all alike.', examples: [1.1] },
      ),
    ),
    cost: integer({ min: 1, max: 1_000_000 }, { description: 'Units of one request.', default: 1 }),
  },
  { description: 'One stream of requests, an open loop: it does not wait for answers.' },
);

const FaultSchema = struct(
  {
    at: duration({ min: 0 }, { description: 'When, since requests began.' }),
    kind: word(
      ['crash', 'machines-off', 'pause', 'partition', 'leader-crash', 'store-outage', 'coordination-outage', 'loss'],
      {
        description:
          'crash: processes end and start again; machines-off: silence; pause: processes stand still; partition: a part of the hosts is cut off, from the store too; leader-crash; store-outage; coordination-outage; loss: packets are lost.',
      },
    ),
    for: duration({ min: 1 }, { description: 'For how long.', default: '3s' }),
    part: decimal({ min: 0, max: 1 }, { description: 'Part of the hosts; one host at least.', default: 0.25 }),
    loss: decimal({ min: 0, max: 1 }, { description: 'loss: part of the packets that is lost.', default: 0.05 }),
  },
  { description: 'Something that goes wrong.' },
);

const NetworkSchema = struct(
  {
    roundTripMs: decimal(
      { min: 0, max: 60_000 },
      { description: 'There and back, milliseconds, at least.', default: 0.5 },
    ),
    jitterMs: decimal({ min: 0, max: 10_000 }, { description: 'Mean of what comes on top, each way.', default: 0.1 }),
    loss: decimal({ min: 0, max: 1 }, { description: 'Part of the packets that is lost.', default: 0 }),
    duplicate: decimal({ min: 0, max: 1 }, { description: 'Part of the packets that arrives twice.', default: 0 }),
    reorder: decimal({ min: 0, max: 1 }, { description: 'Part of the packets that is held up.', default: 0 }),
  },
  { description: 'Between two hosts, and between a host and the store.', default: {} },
);

const ClocksSchema = struct(
  {
    skew: duration({ min: 0 }, { description: 'Most that a host’s clock is off, either way.', default: 0 }),
    driftPpm: decimal({ min: 0, max: 1_000 }, { description: 'Most that it runs fast or slow.', default: 0 }),
  },
  { description: 'The hosts’ wall clocks.', default: {} },
);

export const ScenarioSchema = struct(
  {
    description: text('sentence', { description: 'What it is about, in one line.' }),
    limit: text<Rate>('rate', { description: 'count/window', examples: ['1000/1s'] }),
    algorithm: word(['sliding-window', 'fixed-window', 'token-bucket'], {
      description: 'What the limit counts by.',
      default: 'sliding-window',
    }),
    buckets: integer({ min: 2, max: 60 }, { description: 'sliding-window: counters kept.', default: 2 }),
    burst: optional(integer({ min: 1 }, { description: 'token-bucket. Left out: the limit’s count.' })),
    onFailure: word(['local', 'allow', 'deny'], { description: 'As in a configuration.', default: 'local' }),
    interval: duration({ min: 10, max: 60_000 }, { description: 'How often hosts tell each other.', default: '100ms' }),
    fanout: integer({ min: 1, max: 16 }, { description: 'gossip: hosts told in each interval.', default: 3 }),
    leaders: integer({ min: 1, max: 64 }, { description: 'Leaders at a time.', default: 1 }),
    duration: duration({ min: 100 }, { description: 'For how long requests arrive.', default: '20s' }),
    redisTimeout: duration({ min: 1 }, { description: 'As redis.timeout.', default: '50ms' }),
    lease: duration({ min: 500 }, { description: 'Of an elected leader.', default: '5s' }),
    network: NetworkSchema,
    clocks: ClocksSchema,
    load: list(LoadSchema, { description: 'What is asked for.' }, { minItems: 1, unique: false }),
    faults: list(FaultSchema, { description: 'What goes wrong.', default: [] }, { minItems: 0, unique: false }),
  },
  { description: 'A scenario of sluice lab.' },
);

/** A scenario after reading: durations in milliseconds, defaults filled in. */
export type ScenarioShape = Static<typeof ScenarioSchema>;
