import { networkInterfaces } from 'node:os';
import { TcpTransport } from '../../../src/cluster/transport/tcp.ts';
import type { TransportOptions } from '../../../src/cluster/transport/tcp-endpoint.ts';
import type { Transport } from '../../../src/cluster/transport/transport.ts';
import { UdpTransport } from '../../../src/cluster/transport/udp.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { seededRandom } from '../../../src/core/random.ts';
import type { PeerRefusal } from '../../../src/core/telemetry.ts';
import type { Network } from '../../conformance/transport.ts';

/** Not everywhere that tests run; not in many a container. */
export const HAS_IPV6 = Object.values(networkInterfaces()).some((each) =>
  each?.some(({ address }) => address === '::1'),
);

export type TransportName = 'udp' | 'tcp';

export function makeTransport(
  name: TransportName,
  options: Omit<TransportOptions, 'telemetry'>,
  refusals: PeerRefusal[] = [],
): Transport {
  const telemetry = { peerRefused: (reason: PeerRefusal): void => void refusals.push(reason) };
  return name === 'udp'
    ? new UdpTransport({ ...options, telemetry })
    : new TcpTransport({ ...options, telemetry, random: seededRandom(1) });
}

/** Hosts on one address of this machine, each on a port of its own. `refusals` collects what any of them refuses. */
export function network(
  name: TransportName,
  options: Partial<TransportOptions> = {},
  refusals: PeerRefusal[] = [],
  ip = '127.0.0.1',
): Network {
  const text = ip.includes(':') ? `[${ip}]` : ip;
  return {
    host: async (address) => {
      let port = address === undefined ? 0 : Number(/\d+$/.exec(address)?.[0]);
      const transport = makeTransport(name, { listen: { host: ip, port }, clock: systemClock, ...options }, refusals);
      const start = transport.start.bind(transport);
      transport.start = async () => {
        port = await start();
        return port;
      };
      return { transport, address: () => `${text}:${port}` };
    },
  };
}
