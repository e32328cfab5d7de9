/** The `etcd` block. Which of its keys go together is checked in semantics-etcd.ts. */
import type { Static } from 'typebox';
import { list, optional, struct, text } from './fields.ts';
import { password, tlsSchema, username } from './schema-tls.ts';

export const EtcdSchema = struct(
  {
    endpoints: list(
      text('etcdUrl', { description: 'http://host:port, or https://host:port for TLS.' }, 'https?://[^/]+/?'),
      {
        description: 'Some or all of the members of one etcd cluster.',
        examples: [['http://10.0.0.1:2379', 'http://10.0.0.2:2379', 'http://10.0.0.3:2379']],
      },
    ),
    username: username('etcd'),
    password: password('etcd', 'SLUICE_ETCD_PASSWORD'),
    tls: optional(tlsSchema('etcd', 'https:// turns TLS on.')),
    prefix: text(
      'keyPrefix',
      { description: 'Starts every key, so that several teams can share one etcd.', default: 'sluice' },
      '[A-Za-z0-9:._-]{1,64}',
    ),
  },
  { description: 'The etcd that elects leaders for sharing: leader, and that may list hosts for peers.discovery.' },
);

export type EtcdShape = Static<typeof EtcdSchema>;
