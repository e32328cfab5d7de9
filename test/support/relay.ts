/** A TCP relay that can fall silent: the network between one client and a server, cut while both go on. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

export interface Relay extends AsyncDisposable {
  readonly port: number;
  /** From now on nothing goes through in either direction, and no connection ends; new ones are accepted and lead nowhere. */
  cut(): void;
  /** Ends what was connected while cut, and relays again. What was sent in between is lost. */
  mend(): void;
  /** Ends all connections, refusing nothing. */
  reset(): void;
}

/** Relays to `port` of 127.0.0.1. */
export async function startRelay(port: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let silent = false;
  const follow = (from: Socket, to: Socket | undefined): void => {
    sockets.add(from);
    from.on('data', (bytes: Buffer) => {
      if (!silent) to?.write(bytes);
    });
    from.on('close', () => {
      sockets.delete(from);
      if (!silent) to?.destroy();
    });
    from.on('error', () => from.destroy());
  };
  const server = createServer({ noDelay: true }, (client) => {
    if (silent) return follow(client, undefined);
    const target = connect({ port, host: '127.0.0.1', noDelay: true });
    follow(client, target);
    follow(target, client);
  });
  const reset = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      silent = true;
    },
    mend: () => {
      silent = false;
      reset();
    },
    reset,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      reset();
      await closed;
    },
  };
}
