import { afterEach } from 'node:test';
import type { Channel } from '../../src/cluster/channel.ts';
import { Messenger } from '../../src/cluster/messenger.ts';
import type { Peer } from '../../src/cluster/peer.ts';
import type { Transport } from '../../src/cluster/transport/transport.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { PeerRefusal, PeerTraffic } from '../../src/core/telemetry.ts';
import type { VirtualClock } from '../../src/core/virtual-clock.ts';
import type { TransportName } from './transport/networks.ts';
import { network } from './transport/networks.ts';

const SECRET = 'a secret that is only used in tests';

interface Seen {
  readonly from: Peer;
  readonly text: string;
}

/** One host with real sockets; stopped when the test is over. */
export interface Host {
  readonly self: Peer;
  readonly transport: Transport;
  readonly refused: PeerRefusal[];
  readonly counted: (readonly [PeerTraffic, 'sent' | 'received', number])[];
  readonly heard: Peer[];
  readonly warnings: string[];
  /** Everything that left, as it left. */
  readonly sent: { readonly to: string; readonly bytes: Uint8Array }[];
  readonly messenger: Messenger;
  channel(traffic: PeerTraffic): Channel & { readonly seen: Seen[] };
}

export async function startHost(
  name: TransportName,
  options: { secret?: string; clock?: VirtualClock; address?: string; incarnation?: number } = {},
): Promise<Host> {
  const host = await network(name).host();
  await host.transport.start();
  running.push(host.transport);
  const self = { address: options.address ?? host.address(), incarnation: options.incarnation ?? systemClock.now() };
  const [refused, counted, heard, warnings, sent]: [PeerRefusal[], Host['counted'], Peer[], string[], Host['sent']] = [
    [],
    [],
    [],
    [],
    [],
  ];
  const send = host.transport.send.bind(host.transport);
  host.transport.send = (to, bytes) => {
    sent.push({ to, bytes });
    send(to, bytes);
  };
  const note = (_fields: object, message: string): void => void warnings.push(message);
  const messenger = new Messenger({
    self,
    secret: options.secret ?? SECRET,
    transport: host.transport,
    clock: options.clock ?? systemClock,
    telemetry: {
      peerMessage: (...event) => void counted.push(event),
      peerRefused: (reason) => void refused.push(reason),
    },
    logger: { debug: note, info: note, warn: note, error: note },
  });
  messenger.onHeard((from) => heard.push(from));
  const channel = (traffic: PeerTraffic): Channel & { readonly seen: Seen[] } => {
    const seen: Seen[] = [];
    const made = messenger.channel(traffic);
    made.receive({
      message: (from, payload) => void seen.push({ from, text: Buffer.from(payload).toString() }),
      question: (from, payload) => Buffer.from(`${traffic} to ${from.address}: ${Buffer.from(payload)}`),
    });
    return Object.assign(made, { seen });
  };
  return { self, transport: host.transport, refused, counted, heard, warnings, sent, messenger, channel };
}

const running: Transport[] = [];
afterEach(async () => {
  for (const transport of running.splice(0)) await transport.stop();
});
