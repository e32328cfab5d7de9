import { Type } from 'typebox';
import type { AdminDeps } from '../deps.ts';
import { problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

const Address = Type.String({ description: 'host:port, as peers.advertise says there.' });
const Incarnation = Type.String({
  format: 'date-time',
  description: 'When that process started; a restart is a later one.',
});

const Peer = Type.Object({ address: Address, incarnation: Incarnation });

const Member = Type.Object({
  address: Address,
  incarnation: Incarnation,
  state: Type.Union([Type.Literal('alive'), Type.Literal('suspect'), Type.Literal('dead'), Type.Literal('gone')], {
    description: 'suspect: did not answer, others are asked. dead: silent, perhaps cut off. gone: ended.',
  }),
  since: Type.String({ format: 'date-time', description: 'Since when it has been in that state.' }),
});

const Leader = Type.Object({
  sharing: Type.Union([Type.Literal('leader'), Type.Literal('random-leaders')]),
  slot: Type.Integer({ description: 'Part of the keys, from 0. Each of the random leaders leads all of them.' }),
  address: Type.Optional(Type.String({ description: 'Left out: nobody is known to lead the slot now.' })),
  term: Type.Optional(Type.Integer({ description: 'Fencing term: rises with each election.' })),
});

const Report = Type.Object(
  {
    self: Type.Optional(Peer),
    discovery: Type.Optional(Type.String({ description: 'Where others are looked for: file, dns, redis, etcd.' })),
    visibleShare: Type.Number({
      description: 'The part of the hosts last known that is visible, this one included; below 1 onFailure applies.',
    }),
    peers: Type.Array(Member),
    leaders: Type.Array(Leader),
  },
  { description: 'What this host knows; others may know more. Without a peers block there are no others.' },
);

export function peerRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get(
    '/v1/peers',
    {
      schema: {
        tags: ['peers'],
        operationId: 'listPeers',
        summary: 'The other hosts, and who leads',
        response: { 200: Report, ...problems(401) },
      },
    },
    () => {
      const report = deps.peers();
      if (report === undefined) return { visibleShare: 1, peers: [], leaders: [] };
      const { self, discovery, visibleShare, peers, leaders } = report;
      return {
        self: { address: self.address, incarnation: time(self.incarnation) },
        discovery,
        visibleShare,
        peers: peers.map(({ address, incarnation, state, since }) => ({
          address,
          incarnation: time(incarnation),
          state,
          since: time(since),
        })),
        leaders,
      };
    },
  );
}

/** A peer may say anything of itself: what is no time is the epoch. */
function time(ms: number): string {
  return new Date(Math.abs(ms) <= 8.64e15 ? ms : 0).toISOString();
}
