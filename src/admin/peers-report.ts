/** What this host knows of the others, as the admin API tells it. */
import type { Static } from 'typebox';
import { Type } from 'typebox';
import type { AdminDeps } from './deps.ts';
import { timeText } from './time-text.ts';

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

export const PeersReport = Type.Object(
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

export type PeersReport = Static<typeof PeersReport>;

export function peersReport(deps: AdminDeps): PeersReport {
  const report = deps.peers();
  if (report === undefined) return { visibleShare: 1, peers: [], leaders: [] };
  const { self, discovery, visibleShare, peers, leaders } = report;
  return {
    self: { address: self.address, incarnation: timeText(self.incarnation) },
    discovery,
    visibleShare,
    peers: peers.map(({ address, incarnation, state, since }) => ({
      address,
      incarnation: timeText(incarnation),
      state,
      since: timeText(since),
    })),
    leaders: leaders.map(({ sharing, slot, address, term }) => ({
      sharing,
      slot,
      ...(address === undefined ? {} : { address }),
      ...(term === undefined ? {} : { term }),
    })),
  };
}
