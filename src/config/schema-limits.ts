import type { Static } from 'typebox';
import { REPLICATED_SHARINGS } from '../core/sharings.ts';
import type { Rate } from '../core/types.ts';
import { duration, flag, integer, list, listOrOne, numberOrText, optional, struct, text, word } from './fields.ts';
import type { KeySource } from './types.ts';

const KEY_PART = '(?:(?:ip|path|method|host|route|global|(?:header|cookie|query):[^|]+)\\s*(?:\\|\\s*)?)+';

const rates = (description: string) =>
  listOrOne(
    text<Rate>('rate', { description: 'count/window', examples: ['100/1m'] }, '[0-9]*[1-9][0-9]*/\\d*(?:ms|s|m|h|d)'),
    { description, examples: ['100/1m', ['10/1s', '1000/1h']] },
  );

const OverrideSchema = struct(
  {
    key: text(
      'glob',
      { description: 'The key, or a pattern in which * stands for any characters.', examples: ['partner-*'] },
      '.+',
    ),
    rate: optional(rates('Rates instead of the limit’s.')),
    burst: optional(integer({ min: 1 }, { description: 'token-bucket: burst instead of the limit’s.' })),
    max: optional(integer({ min: 1 }, { description: 'concurrency: max instead of the limit’s.' })),
    unlimited: flag({ description: 'Keys like this are not limited at all.', default: false }),
  },
  { description: 'Other numbers for some keys.' },
);

export const LimitSchema = struct(
  {
    key: listOrOne(
      text<readonly KeySource[]>(
        'keyPart',
        {
          description:
            'ip, path, method, host, route, global, header:<name>, cookie:<name>, query:<name>; a|b is the first one present.',
          examples: ['ip', 'header:x-api-key', 'header:x-api-key|ip'],
        },
        KEY_PART,
      ),
      {
        description: 'What the limit counts by; several parts are joined.',
        examples: ['ip', ['header:x-tenant', 'route']],
      },
    ),
    rate: optional(rates('How much per window. Of several rates all must hold. Not for concurrency.')),
    algorithm: word(['sliding-window', 'fixed-window', 'token-bucket', 'concurrency'], {
      description:
        'sliding-window: smooths the window’s edge. fixed-window: aligned to the clock. token-bucket: refills evenly, allows a burst. concurrency: requests in flight.',
      default: 'sliding-window',
    }),
    buckets: integer(
      { min: 2, max: 60 },
      {
        description: 'sliding-window: counters kept for a window; more make a finer edge and cost more memory.',
        default: 2,
      },
    ),
    burst: optional(
      integer({ min: 1 }, { description: 'token-bucket: most that can be taken at once. Left out: the rate’s count.' }),
    ),
    max: optional(
      integer({ min: 1 }, { description: 'concurrency: most requests in flight for one key.', examples: [10] }),
    ),
    leaseTime: duration(
      { min: 100 },
      {
        description: 'concurrency: after how long the requests of an instance that died are forgotten.',
        default: '30s',
      },
    ),
    sharing: optional(
      word(['local', 'redis', ...REPLICATED_SHARINGS], {
        description: 'How instances share the count. Left out: redis when there is a redis block, else local.',
      }),
    ),
    lease: word(['none', 'auto'], {
      description:
        'auto: each instance buys units of hot keys ahead and decides in memory, never over the limit. sharing redis, window algorithms only.',
      default: 'none',
    }),
    onFailure: word(['local', 'allow', 'deny'], {
      description:
        'What decides while Redis cannot be reached, or other hosts cannot be seen: local (each instance, or side, takes its share), allow, or deny.',
      default: 'local',
    }),
    mode: word(['enforce', 'shadow'], {
      description: 'shadow decides, counts and reports, but never refuses.',
      default: 'enforce',
    }),
    whenMissing: word(['skip', 'deny'], {
      description: 'A request without the key: skip (the limit leaves it alone) or deny.',
      default: 'skip',
    }),
    cost: numberOrText<number | { readonly header: string }>(
      'cost',
      { type: 'integer', minimum: 1 },
      'header:[^|\\s]+',
      {
        description: 'What one request takes: a number, or header:<name> for a request header that says it.',
        default: 1,
      },
    ),
    overrides: list(
      OverrideSchema,
      { description: 'Other numbers for some keys; the first pattern that matches counts.', default: [] },
      { minItems: 0, unique: false },
    ),
  },
  { description: 'A named rule: how much of what one key may have.' },
);

export type LimitShape = Static<typeof LimitSchema>;
export type OverrideShape = Static<typeof OverrideSchema>;
