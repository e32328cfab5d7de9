/** The `redis` block. Which of its keys go together is checked in semantics-redis.ts. */
import type { Static } from 'typebox';
import { duration, integer, list, optional, struct, text } from './fields.ts';
import type { RedisUrl } from './redis-url.ts';
import { password, tlsSchema, username } from './schema-tls.ts';
import type { Address } from './types.ts';

const URL_PATTERN = 'rediss?://.+';
const PASSWORD = 'SLUICE_REDIS_PASSWORD';

const SentinelSchema = struct(
  {
    name: text('sentinelName', {
      description: 'Name of the primary that the sentinels watch.',
      examples: ['mymaster'],
    }),
    nodes: list(
      text<Address>('node', { description: 'host:port of a sentinel.' }, '(?:\\[[^\\]]+\\]|[^:]+):\\d{1,5}'),
      {
        description: 'Some or all of the sentinels, host:port each.',
        examples: [['10.0.0.1:26379', '10.0.0.2:26379', '10.0.0.3:26379']],
      },
    ),
    username: username('the sentinels'),
    password: password('the sentinels', PASSWORD),
  },
  { description: 'Sentinels that know which server is the primary. Instead of url and cluster.' },
);

export const RedisSchema = struct(
  {
    url: optional(
      text<RedisUrl>(
        'redisUrl',
        {
          description: 'One server: redis://[user:password@]host:port[/database], rediss:// for TLS.',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the file’s own notation
          examples: ['redis://127.0.0.1:6379', '${SLUICE_REDIS_URL}'],
        },
        URL_PATTERN,
      ),
    ),
    cluster: optional(
      list(text<RedisUrl>('redisUrl', { description: 'redis://host:port, or rediss:// for TLS.' }, URL_PATTERN), {
        description: 'A Redis Cluster: some of its nodes, the others are learnt from them. Instead of url.',
        examples: [['redis://10.0.0.1:6379', 'redis://10.0.0.2:6379']],
      }),
    ),
    sentinel: optional(SentinelSchema),
    username: username('the servers'),
    password: password('the servers', PASSWORD),
    tls: optional(tlsSchema('redis', 'With sentinel it turns TLS on; URLs turn it on with rediss://.')),
    keyPrefix: text(
      'keyPrefix',
      { description: 'Starts every key, so that several teams can share one Redis.', default: 'sluice' },
      '[A-Za-z0-9:._-]{1,64}',
    ),
    timeout: duration(
      { min: 1, max: 60_000 },
      { description: 'No decision waits longer for Redis; after it, the limit’s onFailure decides.', default: '50ms' },
    ),
    instances: integer(
      { min: 1, max: 10_000 },
      {
        description:
          'How many gateways there are, as far as one can know that starts while Redis is away: each takes its part of a limit with onFailure: local. Once Redis has told, that counts.',
        default: 1,
      },
    ),
  },
  {
    description: 'A Redis shared by all instances. With it, limits are shared through it unless they say otherwise.',
    oneOf: ['url', 'cluster', 'sentinel'].map((key) => ({ properties: { [key]: {} }, required: [key] })),
  },
);

export type RedisShape = Static<typeof RedisSchema>;
