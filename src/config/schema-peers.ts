/** The `peers` block. What its settings mean together is checked in semantics-peers.ts. */
import type { Static } from 'typebox';
import type { DnsName } from './addresses.ts';
import { duration, integer, optional, struct, text, word } from './fields.ts';
import type { Address } from './types.ts';

const HOST_PORT = '(?:\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9_.-]+):\\d{1,5}';
const WAYS = ['file', 'registry', 'dns'] as const;

const DiscoverySchema = struct(
  {
    file: optional(
      text('file', {
        description:
          'A file with one host:port a line, # starts a comment; watched. A relative path starts at this file’s directory.',
        examples: ['peers.txt', '/etc/sluice/peers.txt'],
      }),
    ),
    registry: optional(
      word(['redis', 'etcd'], {
        description: 'Hosts write themselves down there and are taken out when they stop to: redis, etcd.',
      }),
    ),
    dns: optional(
      text<DnsName>(
        'dnsName',
        {
          description: 'A name whose addresses are the hosts, all with the port of peers.advertise, or name:port.',
          examples: ['sluice-peers.shop.svc.cluster.local'],
        },
        '[A-Za-z0-9_.-]+(?::\\d{1,5})?',
      ),
    ),
  },
  {
    description: 'How hosts find each other: exactly one of file, registry and dns.',
    oneOf: WAYS.map((key) => ({ properties: { [key]: {} }, required: [key] })),
  },
);

export const PeersSchema = struct(
  {
    listen: text<Address>(
      'address',
      {
        description:
          'Where other hosts reach this one, over UDP and TCP on one port. Other than loopback needs a secret.',
        examples: ['0.0.0.0:7946', '10.1.2.3:7946'],
      },
      HOST_PORT,
    ),
    advertise: optional(
      text<Address>(
        'address',
        {
          description:
            'The address that other hosts use for this one; also its name. Left out: listen, where that is one address.',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the file’s own notation
          examples: ['10.1.2.3:7946', '${POD_IP}:7946'],
        },
        HOST_PORT,
      ),
    ),
    secret: optional(
      text('secret', {
        description:
          'Shared by all hosts; every message is signed with it. At least 16 characters. Required unless listening on loopback.',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the file’s own notation
        examples: ['${SLUICE_PEER_SECRET}'],
      }),
    ),
    transport: word(['udp', 'tcp'], {
      description: 'How counts travel. Joining and whole states go over TCP in either case.',
      default: 'udp',
    }),
    interval: duration(
      { min: 10, max: 10_000 },
      { description: 'How often changed counts are told.', default: '100ms' },
    ),
    fanout: integer({ min: 1, max: 16 }, { description: 'gossip: hosts told in each interval.', default: 3 }),
    leaders: optional(
      integer({ min: 1, max: 64 }, { description: 'Leaders at a time. Left out: 1 for leader, 2 for random-leaders.' }),
    ),
    forgetAfter: duration(
      { min: 1_000 },
      {
        description:
          'After how long a silent host is taken for gone instead of cut off, so that the others use its share of the limits.',
        default: '10m',
      },
    ),
    discovery: DiscoverySchema,
  },
  { description: 'How instances talk to each other: for sharing mesh, gossip, leader and random-leaders.' },
);

export type PeersShape = Static<typeof PeersSchema>;
