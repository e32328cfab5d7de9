/** Credentials and TLS towards servers that the gateway is a client of. Which settings go together is checked in semantics-tls.ts. */
import type { Static } from 'typebox';
import { optional, struct, text } from './fields.ts';

/** @param whose whose user it is: `the servers` */
export const username = (whose: string) =>
  optional(text('username', { description: `ACL user of ${whose}. Left out: the default user.` }));

/** @param variable an environment variable that could hold it */
export const password = (whose: string, variable: string) =>
  optional(text('password', { description: `Password of that user of ${whose}.`, examples: [`\${${variable}}`] }));

/**
 * @param kind of server, as file names in examples: `redis`
 * @param turnedOn what turns TLS on
 */
export const tlsSchema = (kind: string, turnedOn: string) =>
  struct(
    {
      ca: optional(
        text('file', {
          description:
            'PEM file with the authorities that the servers’ certificates come from. Left out: the public ones.',
          examples: [`/etc/sluice/${kind}-ca.pem`],
        }),
      ),
      cert: optional(
        text('file', {
          description: 'PEM file with the gateway’s own certificate, for servers that want one.',
          examples: [`/etc/sluice/${kind}-client.pem`],
        }),
      ),
      key: optional(
        text('file', {
          description: 'PEM file with the key of that certificate, not encrypted.',
          examples: [`/etc/sluice/${kind}-client.key`],
        }),
      ),
      servername: optional(
        text('servername', {
          description: 'Name that the servers’ certificates must have. Left out: the one that is connected to.',
          examples: [`${kind}.internal`],
        }),
      ),
    },
    { description: `How connections are secured. ${turnedOn}` },
  );

export type TlsShape = Static<ReturnType<typeof tlsSchema>>;
