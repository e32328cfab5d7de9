/** The configuration file. What is written here is what `sluice schema` prints, what is checked, and where defaults stand. */
import type { Static } from 'typebox';
import {
  duration,
  flag,
  integer,
  LONGEST_TIMER_MS,
  list,
  listOrOne,
  named,
  numberOrText,
  optional,
  size,
  struct,
  text,
  word,
} from './fields.ts';
import { EtcdSchema } from './schema-etcd.ts';
import { LimitSchema } from './schema-limits.ts';
import { PeersSchema } from './schema-peers.ts';
import { RedisSchema } from './schema-redis.ts';
import { TracingSchema } from './schema-tracing.ts';
import type { Address } from './types.ts';

const NAME_PATTERN = '[A-Za-z0-9][A-Za-z0-9._-]{0,63}';
const ADDRESS_PATTERN = '(?:\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9_.-]+):\\d{1,5}';

const AdminSchema = struct(
  {
    listen: text<Address>(
      'address',
      {
        description: 'Where health checks, metrics and the operators’ API listen. Other than loopback needs a token.',
        examples: ['127.0.0.1:9090', '0.0.0.0:9090'],
        default: '127.0.0.1:9090',
      },
      ADDRESS_PATTERN,
    ),
    token: optional(
      text('token', {
        description:
          'Bearer token of the operators’ API. Required unless it listens on loopback. Health checks and metrics never ask for it.',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the file’s own notation
        examples: ['${SLUICE_ADMIN_TOKEN}'],
      }),
    ),
  },
  { description: 'The listener for operators.', default: {} },
);

const ServerSchema = struct(
  {
    headersTimeout: duration(
      { min: 1 },
      { description: 'Longest wait for the last byte of a request’s header.', default: '10s' },
    ),
    requestTimeout: duration(
      { min: 0 },
      { description: 'Longest time for a whole request, body included; 0 = no bound.', default: '300s' },
    ),
    keepAliveTimeout: duration(
      { min: 1 },
      {
        description: 'How long an idle connection stays open. Keep it above that of a load balancer in front.',
        default: '65s',
      },
    ),
    streamIdleTimeout: duration(
      { min: 0 },
      {
        description: 'Longest time in which a running exchange moves no byte either way; 0 = no bound.',
        default: '300s',
      },
    ),
    maxHeaderBytes: size(
      { min: 1024, max: 1024 ** 2 },
      { description: 'Largest header of a request. Over it: 431.', default: '16KiB' },
    ),
    maxHeaderCount: integer({ min: 1, max: 10_000 }, { description: 'Most header fields of a request.', default: 100 }),
    maxBodyBytes: optional(
      size(
        { min: 1 },
        { description: 'Largest body of a request. Over it: 413. Left out: no bound.', examples: ['1MiB', '10MiB'] },
      ),
    ),
    maxConnections: integer({ min: 1 }, { description: 'Most connections from clients at once.', default: 10_000 }),
  },
  { description: 'Bounds on every phase of a client’s connection.', default: {} },
);

const LogSchema = struct(
  {
    level: word(['debug', 'info', 'warn', 'error', 'silent'], {
      description: 'Least severe entry to write.',
      default: 'info',
    }),
    access: numberOrText<number | 'off'>('access', { type: 'number', minimum: 0, maximum: 1 }, 'off', {
      description:
        'Share of the allowed requests that get a line, or off. Refused and failed requests always get one, unless off.',
      examples: [1, 0.01, 'off'],
      default: 1,
    }),
  },
  { description: 'What is logged.', default: {} },
);

const MemorySchema = struct(
  {
    maxKeys: integer(
      { min: 1, max: 50_000_000 },
      {
        description: 'Most counters kept in memory. Over it the least recently used are forgotten early.',
        default: 1_000_000,
      },
    ),
  },
  { description: 'Bounds on memory.', default: {} },
);

const UpstreamSchema = struct(
  {
    servers: list(text('server', { description: 'http://host:port or https://host:port' }, 'https?://[^/]+/?'), {
      description: 'The servers, asked in turn.',
      examples: [['http://10.0.0.1:3000', 'http://10.0.0.2:3000']],
    }),
    timeout: duration(
      { min: 1 },
      { description: 'Longest wait for the head of the response. Over it: 504.', default: '30s' },
    ),
    connectTimeout: duration(
      { min: 1 },
      { description: 'Longest wait for a connection. Over it: 502.', default: '2s' },
    ),
    bodyTimeout: duration(
      { min: 1 },
      { description: 'Longest wait between two pieces of the response’s body.', default: '300s' },
    ),
    maxConnections: integer({ min: 1 }, { description: 'Most connections to each server.', default: 256 }),
    retries: integer(
      { min: 0, max: 10 },
      { description: 'How often a request that is safe to repeat is sent to another server.', default: 1 },
    ),
    ejectAfter: integer(
      { min: 1 },
      { description: 'Failures in a row after which a server is left out for a while.', default: 5 },
    ),
    ejectFor: duration(
      { min: 1 },
      { description: 'For how long it is left out. The last server is never left out.', default: '10s' },
    ),
    preserveHost: flag({ description: 'Send the client’s Host on; false sends the server’s own.', default: true }),
  },
  { description: 'A service behind the gateway.' },
);

const RouteSchema = struct(
  {
    name: optional(
      text(
        'name',
        { description: 'Names the route in metrics and logs. Left out: route-1, route-2, … by position.' },
        NAME_PATTERN,
      ),
    ),
    match: struct(
      {
        host: optional(
          text('host', {
            description: 'A host, or *.suffix for all hosts below it. Without port, in any case. Left out: any host.',
            examples: ['api.example.com', '*.example.com'],
          }),
        ),
        path: optional(
          text(
            'path',
            {
              description:
                'A path, or a prefix that ends in /* (and matches the prefix too). Case matters. Left out: any path.',
              examples: ['/v1/*', '/login'],
            },
            '/.*',
          ),
        ),
        method: optional(
          listOrOne(text('method', { description: 'A request method.', examples: ['GET', 'POST'] }), {
            description: 'A request method, or a list of them. Left out: any method.',
            examples: ['POST', ['GET', 'HEAD']],
          }),
        ),
      },
      { description: 'What a request must look like. Left out: every request.', default: {} },
    ),
    upstream: text('reference', { description: 'Name of the upstream that gets the request.' }),
    limits: list(
      text('reference', { description: 'Name of a limit.' }),
      { description: 'Names of the limits that apply, in the order to check.', default: [] },
      { minItems: 0, unique: true },
    ),
  },
  { description: 'Which requests go where, and which limits apply to them. The first route that matches wins.' },
);

export const FileSchema = struct(
  {
    listen: text<Address>(
      'address',
      {
        description: 'Where clients connect. Port 0 takes a free one.',
        examples: ['127.0.0.1:8080', '0.0.0.0:8080', '[::]:8080'],
        default: '127.0.0.1:8080',
      },
      ADDRESS_PATTERN,
    ),
    admin: AdminSchema,
    trustedProxies: list(
      text('cidr', { description: 'An address block.' }),
      {
        description: 'Proxies in front whose X-Forwarded-For is believed. Left out: none, the client is who connects.',
        examples: [['10.0.0.0/8', '2001:db8::/32']],
        default: [],
      },
      { minItems: 0, unique: true },
    ),
    headers: word(['draft', 'legacy', 'both', 'none'], {
      description: 'RateLimit and RateLimit-Policy fields (draft), X-RateLimit-* fields (legacy), both or none.',
      default: 'draft',
    }),
    server: ServerSchema,
    shutdownDelay: duration(
      { min: 0, max: LONGEST_TIMER_MS },
      {
        description:
          'How long requests are still accepted when the process is asked to stop, while readyz says 503 already: until the load balancer has noticed.',
        default: 0,
      },
    ),
    shutdownTimeout: duration(
      { min: 0, max: LONGEST_TIMER_MS },
      {
        description: 'How long requests in flight may take to finish when the process is asked to stop.',
        default: '25s',
      },
    ),
    log: LogSchema,
    memory: MemorySchema,
    redis: optional(RedisSchema),
    peers: optional(PeersSchema),
    etcd: optional(EtcdSchema),
    tracing: optional(TracingSchema),
    upstreams: named(UpstreamSchema, { description: 'The services behind the gateway, by name.' }),
    routes: list(
      RouteSchema,
      { description: 'Where requests go. The first route that matches wins; none is 404.' },
      { minItems: 1, unique: false },
    ),
    limits: named(LimitSchema, {
      description: 'The limits, by name. The name is what a refused client is told.',
      default: {},
    }),
  },
  { description: 'Configuration of the Sluice gateway.' },
);

/** The file after reading: defaults filled in, durations in milliseconds, rates and addresses parsed; names not yet checked. */
export type FileShape = Static<typeof FileSchema>;
export type RouteShape = FileShape['routes'][number];
